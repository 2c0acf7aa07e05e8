-- One row a file of this size and moment that this contract has read: its hash, and how many records it held.
SELECT sha256, records
FROM landing
WHERE source = $platform AND bytes = $bytes AND observed_at = $observed_at AND contract = $contract
    AND records IS NOT NULL

-- One row a file of this size and moment that this contract has read: its hash, how many records it held, and how many
-- of them were rejected.
SELECT sha256, records, rejected
FROM landing
WHERE source = $platform AND bytes = $bytes AND observed_at = $observed_at AND contract = $contract
    AND records IS NOT NULL

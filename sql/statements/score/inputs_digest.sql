-- One row: how many inputs, and order-free digests of them. Ages are not among them: they grow with every look, and
-- what they say is in the cohort.
SELECT count(*), bit_xor(digest)::VARCHAR, sum(digest & 1152921504606846975)::VARCHAR
FROM (
    SELECT
        md5_number(concat_ws(
            '|', track_id, platform, coalesce(plays::VARCHAR, '-'), coalesce(likes::VARCHAR, '-'), cohort)) AS digest
    FROM score_input
)

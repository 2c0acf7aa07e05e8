-- One row an outcome: how many entries. An entry that labels several tracks of one recording is new when one of them is.
SELECT outcome, count(*) AS entries
FROM (
    SELECT
        CASE
            WHEN any_value(e.reason) = 'forgotten' THEN 'forgotten'
            WHEN any_value(e.reason) IS NOT NULL THEN 'rejected'
            WHEN count(s.entry) = 0 THEN 'duplicate'
            WHEN bool_or(s.state = 'new') THEN 'new'
            WHEN bool_or(s.state = 'updated') THEN 'updated'
            ELSE 'unchanged'
        END AS outcome
    FROM label_entry AS e
    LEFT JOIN label_said AS s USING (entry)
    GROUP BY e.entry
)
GROUP BY outcome

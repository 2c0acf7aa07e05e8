-- One row a decision; a known one is left as it is.
INSERT INTO model_decision BY NAME
SELECT
    $version AS version,
    $n AS n,
    $outcome AS outcome,
    $reasons AS reasons,
    $champion AS champion,
    $figures AS figures,
    $decided_by AS decided_by,
    $decided_at AS decided_at
WHERE NOT EXISTS (FROM model_decision WHERE version = $version AND n = $n)

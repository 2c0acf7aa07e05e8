-- One row a run, moment and check.
INSERT INTO check_result BY NAME
SELECT
    $run_id AS run_id, $moment AS moment, $check_name AS check_name, $severity AS severity, $verdict AS verdict,
    $violations AS violations, $first::VARCHAR[] AS first, $because AS because, $as_of AS as_of

INSERT INTO score_run SELECT $score_run_id, $definition, $as_of, count(*), $run_id FROM score_input

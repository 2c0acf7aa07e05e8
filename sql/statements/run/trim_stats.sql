-- The figures of runs that are too long past. One row a run, stage and measure goes; the run's own row stays.
DELETE FROM run_stat WHERE run_id IN (SELECT run_id FROM run WHERE as_of < $before)

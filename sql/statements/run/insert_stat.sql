-- One row a run, stage and measure.
INSERT INTO run_stat VALUES ($run_id, $stage, $measure, $value)

INSERT INTO run_stat VALUES ($run_id, $stage, $measure, $value)

-- One row a track of a score run, in a fixed order.
SELECT * FROM engagement_score WHERE score_run_id = $score_run_id ORDER BY platform, track_id

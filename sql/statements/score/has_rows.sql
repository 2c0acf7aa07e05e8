-- One row: has the catalog rows of this run, or has it none anywhere because nothing could be scored?
SELECT
    EXISTS (FROM engagement_score WHERE score_run_id = $score_run_id)
    OR EXISTS (FROM score_run WHERE score_run_id = $score_run_id AND tracks = 0)

-- One row a platform and stage, in the order of the stages.
SELECT platform, stage, tracks, missing, main_reason FROM coverage ORDER BY platform, step

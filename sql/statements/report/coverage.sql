SELECT platform, stage, tracks, missing, main_reason FROM coverage ORDER BY platform, step

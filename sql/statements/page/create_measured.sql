-- Temp view, one row a track of page_scored and measure: its count and score, now and before.
CREATE OR REPLACE TEMP VIEW page_measured AS
SELECT
    platform, track_id, cohort, is_scored, was_scored, 'streams' AS measure,
    plays AS count, score_streams AS score, was_plays AS was_count, was_score_streams AS was_score
FROM page_scored
UNION ALL
SELECT
    platform, track_id, cohort, is_scored, was_scored, 'likes',
    likes, score_likes, was_likes, was_score_likes
FROM page_scored

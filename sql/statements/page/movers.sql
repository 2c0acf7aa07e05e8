-- One row a track, $most each way: the largest rise or fall ($sign 1 or -1) of one of its two scores, among those with
-- $least plays or likes before or after: below that a single one moves a score far. Equal moves are told apart by the
-- counts gained or lost.
WITH moved AS (
    SELECT platform, track_id, measure, was_count, count, was_score, score, score - was_score AS move
    FROM page_measured
    WHERE is_scored AND was_scored AND $sign * (score - was_score) >= 1e-9
      AND greatest(count, was_count) >= $least
    QUALIFY row_number() OVER (
        PARTITION BY platform, track_id ORDER BY $sign * move DESC, measure DESC
    ) = 1
    ORDER BY $sign * move DESC, $sign * (count - was_count) DESC, platform, track_id
    LIMIT $most
)
SELECT m.platform, m.track_id, t.title, m.measure, m.was_count, m.count, m.was_score, m.score, m.move
FROM moved AS m
LEFT JOIN track AS t USING (platform, track_id)
ORDER BY $sign * move DESC, $sign * (count - was_count) DESC, m.platform, m.track_id

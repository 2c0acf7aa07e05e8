-- Which aesthetic dimension goes along with being played, and with being liked?
-- Read: Spearman's rank correlation of each labelled dimension with the scores, 0: nothing in common.
-- Change: min_tracks.
WITH params AS (
    SELECT 10 AS min_tracks
),
labelled AS (
    SELECT platform, track_id, score_streams, score_likes, unnest([
        {name: 'coherence', label: coherence}, {name: 'musicality', label: musicality},
        {name: 'memorability', label: memorability}, {name: 'clarity', label: clarity},
        {name: 'naturalness', label: naturalness}
    ]) AS d
    FROM scored_catalog
    WHERE label_state = 'labelled'
),
chosen AS (
    SELECT d.name AS dimension, d.label AS label, score_streams, score_likes
    FROM labelled
    WHERE d.label IS NOT NULL AND score_streams IS NOT NULL AND score_likes IS NOT NULL
),
ranked AS (
    SELECT
        dimension,
        rank() OVER (PARTITION BY dimension ORDER BY label)
            + (count(*) OVER (PARTITION BY dimension, label) - 1) / 2 AS label_rank,
        rank() OVER (PARTITION BY dimension ORDER BY score_streams)
            + (count(*) OVER (PARTITION BY dimension, score_streams) - 1) / 2 AS streams_rank,
        rank() OVER (PARTITION BY dimension ORDER BY score_likes)
            + (count(*) OVER (PARTITION BY dimension, score_likes) - 1) / 2 AS likes_rank
    FROM chosen
)
SELECT
    dimension,
    count(*) AS tracks,
    round(corr(label_rank, streams_rank), 3) AS with_streams,
    round(corr(label_rank, likes_rank), 3) AS with_likes
FROM ranked
GROUP BY dimension
HAVING count(*) >= (SELECT min_tracks FROM params)
ORDER BY with_streams DESC, dimension;

-- One row a stage that runs have measured: how much its newest $newest parts did (tracks looked for, seconds of audio
-- encoded, bytes read; null for stages that always work on the whole catalog) and the seconds that took.
-- Extraction counts where this encoder's shards were adopted: another encoder has another speed.
WITH part AS (
    SELECT
        r.run_id,
        r.as_of,
        if(s.stage IN ('check score', 'ingest files'), s.stage, split_part(s.stage, ' ', 1)) AS stage,
        max(s.value) FILTER (s.measure = 'seconds') AS seconds,
        sum(s.value) FILTER (s.measure IN ('available', 'unavailable', 'corrupt')) AS looked_for,
        max(s.value) FILTER (s.measure = 'audio_s') AS audio_s
    FROM run_stat AS s
    JOIN run AS r USING (run_id)
    GROUP BY r.run_id, r.as_of, s.stage
),
measured AS (
    SELECT
        p.stage,
        p.as_of,
        p.seconds,
        CASE p.stage
            WHEN 'audio' THEN p.looked_for
            WHEN 'extract' THEN p.audio_s
            WHEN 'ingest files' THEN (SELECT sum(l.bytes) FROM landing AS l WHERE l.run_id = p.run_id)
        END AS amount
    FROM part AS p
    WHERE p.stage <> 'extract'
       OR p.as_of IN (SELECT adopted_at FROM embedding_shard WHERE encoder_id = $encoder_id)
)
SELECT stage, sum(amount) AS amount, sum(seconds) AS seconds, count(*) AS parts
FROM (
    FROM measured
    WHERE seconds > 0 AND (amount > 0 OR stage NOT IN ('audio', 'extract', 'ingest files'))
    QUALIFY row_number() OVER (PARTITION BY stage ORDER BY as_of DESC) <= $newest
)
GROUP BY stage

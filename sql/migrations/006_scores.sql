-- What decided a scored track's cohort: its age when its counts were last stated (set where the definition asks for
-- ages), and its model family (where cohorts are by family).
ALTER TABLE engagement_score ADD COLUMN age_days DOUBLE;
ALTER TABLE engagement_score ADD COLUMN model_family VARCHAR;

-- One row a score run, cohort and measure: whom a count was compared with.
CREATE TABLE score_cohort (
    score_run_id VARCHAR NOT NULL,
    cohort       VARCHAR NOT NULL,
    measure      VARCHAR NOT NULL,          -- streams | likes
    platform     VARCHAR NOT NULL,
    age_band     VARCHAR,                   -- null where cohorts are not by age
    model_family VARCHAR,                   -- null where cohorts are not by family
    tracks       BIGINT NOT NULL,           -- with this counter, zeros included
    zeros        BIGINT NOT NULL,
    missing      BIGINT NOT NULL            -- tracks of the cohort without this counter
);

-- Runs made before cohorts were more than platforms.
INSERT INTO score_cohort
SELECT
    s.score_run_id, s.cohort, m.measure, s.platform, NULL, NULL,
    count(CASE m.measure WHEN 'streams' THEN s.plays ELSE s.likes END),
    count(*) FILTER (CASE m.measure WHEN 'streams' THEN s.plays ELSE s.likes END = 0),
    count(*) FILTER (CASE m.measure WHEN 'streams' THEN s.plays ELSE s.likes END IS NULL)
FROM engagement_score AS s
CROSS JOIN (VALUES ('streams'), ('likes')) AS m (measure)
GROUP BY ALL;

-- Temp table, one row a pair of counts to place, numbered as they came.
CREATE OR REPLACE TEMP TABLE placing_counts AS
SELECT row_number() OVER () AS place, platform, plays::BIGINT AS plays, likes::BIGINT AS likes, age_days::DOUBLE AS age_days,
    model_family::VARCHAR AS model_family
FROM incoming_counts

-- One row: how many rows of a table are the $tracks'.
SELECT count(*) FROM {{table}} WHERE platform = $platform AND track_id IN (SELECT unnest($tracks))

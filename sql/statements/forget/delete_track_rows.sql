-- Every row of a table that is the $tracks'.
DELETE FROM {{table}} WHERE platform = $platform AND track_id IN (SELECT unnest($tracks))

-- One row a label that names no track, or several.
SELECT DISTINCT name, CASE WHEN tracks = 0 THEN 'no_such_track' ELSE 'ambiguous_track' END AS reason, payload
FROM label_match
WHERE tracks <> 1
ORDER BY name

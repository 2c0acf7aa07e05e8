-- One row a platform with a track.
SELECT DISTINCT platform FROM track ORDER BY platform

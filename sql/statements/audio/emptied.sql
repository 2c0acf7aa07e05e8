-- One row a library that has not one file now, though songs on record lie in it: how many.
SELECT library.root, count(*) AS songs
FROM unnest($empty::VARCHAR[]) AS library(root)
JOIN audio AS a ON starts_with(a.uri, library.root)
WHERE a.state = 'available' AND a.origin = 'library'
GROUP BY library.root
ORDER BY library.root

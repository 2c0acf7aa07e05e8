-- One row a landed file (source, uri, sha256); known ones are left alone.
INSERT INTO landing (source, uri, sha256, observed_at, pages, run_id)
SELECT $platform, $uri, $sha256, $observed_at, $pages, $run_id
WHERE NOT EXISTS (FROM landing WHERE source = $platform AND uri = $uri AND sha256 = $sha256)

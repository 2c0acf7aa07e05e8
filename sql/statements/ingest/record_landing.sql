-- One row a landed file (source, uri, sha256, observed_at).
INSERT INTO landing (source, uri, sha256, observed_at, pages, run_id, records, rejected, bytes, contract)
VALUES ($platform, $uri, $sha256, $observed_at, $pages, $run_id, $records, $rejected, $bytes, $contract)

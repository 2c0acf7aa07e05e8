-- From here on a run of $as_of may leave landed files behind; all earlier ones are merged.
UPDATE ingest_state SET landed_since = $as_of WHERE source = $source

-- One row a landed file of a source in a folder ($folder, with its slash) that has been merged.
SELECT uri FROM landing WHERE source = $source AND starts_with(uri, $folder)

-- No file is opened any more, those attached (which stay open) included: without this DuckDB lets a hardened
-- connection write to them under their names. No file to spill to either, see set_no_spill.
SET disabled_filesystems = 'LocalFileSystem'

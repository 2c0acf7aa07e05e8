-- uuid_of(text): a UUID in its 36-character form, lower case; else null.
CREATE OR REPLACE TEMP MACRO uuid_of(s) AS
    nullif(regexp_extract(lower(s), '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'), '')

-- uuid_of(json): a JSON string that is a UUID in its 36-character form, in lower case; else null.
CREATE OR REPLACE TEMP MACRO uuid_of(j) AS
    nullif(regexp_extract(
        lower(j::VARCHAR), '^"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"$', 1), '')

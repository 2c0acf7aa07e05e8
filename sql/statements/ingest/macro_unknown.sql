-- unknown_of(json object, names): the object's fields outside names, as received, nulls left out; null when none
-- are. TRY: an object that repeats a key cannot become a map; its unknown fields are left to the landing.
CREATE OR REPLACE TEMP MACRO unknown_of(object, names) AS
    TRY(nullif(to_json(map_from_entries(list_filter(
        map_entries(from_json(object, '"MAP(VARCHAR, JSON)"')),
        LAMBDA entry: entry.value IS NOT NULL AND entry.value::VARCHAR <> 'null' AND NOT list_contains(names, entry.key)
    )))::VARCHAR, '{}'))

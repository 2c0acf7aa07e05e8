-- only_names(names, known): whether every name is known and none comes twice.
CREATE OR REPLACE TEMP MACRO only_names(names, known) AS
    len(list_filter(names, LAMBDA name: NOT list_contains(known, name))) = 0 AND len(list_distinct(names)) = len(names)

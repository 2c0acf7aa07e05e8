-- The numbers of an alias's records that the catalog has.
SELECT n FROM model_alias WHERE alias = $alias

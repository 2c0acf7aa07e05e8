-- A public table, as it is.
CREATE TABLE snapshot.{{table}} AS FROM {{table}}

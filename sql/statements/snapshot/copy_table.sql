CREATE TABLE snapshot.{{table}} AS FROM {{table}}

-- One row: a table's count and two order-free digests of its rows, bookkeeping columns left out.
SELECT count(*) AS n, bit_xor(md5_number(line)) AS x, sum(md5_number_lower(line)::HUGEINT % 1000000000000) AS s
FROM (SELECT to_json(r)::VARCHAR AS line FROM (SELECT * EXCLUDE ({{excluded}}) FROM {{table}}) AS r)

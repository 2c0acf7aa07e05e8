-- One row a forgotten track or creator of a platform: kind, id, receipt.
SELECT kind, id, receipt FROM forgotten WHERE platform = $platform ORDER BY ALL

-- One row a receipt that marks name, and their platform.
SELECT DISTINCT receipt, platform FROM forgotten ORDER BY ALL

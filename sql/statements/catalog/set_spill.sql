-- Where a query that needs more than memory may write.
SET temp_directory = {{path}}

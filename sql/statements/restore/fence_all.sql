-- Runs that said they were running when the backup was made: none of them goes on in the catalog that is restored.
UPDATE run SET state = 'crashed' WHERE state = 'running'

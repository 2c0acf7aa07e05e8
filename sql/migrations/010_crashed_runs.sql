-- Which flow run of the orchestrator a run is, so that one that crashed there is declared dead here.
ALTER TABLE run ADD COLUMN flow_run VARCHAR;

-- States of a run: running | completed | partial | failed | crashed (declared dead: fenced, see run/state).
UPDATE run SET state = 'crashed' WHERE state = 'dead';

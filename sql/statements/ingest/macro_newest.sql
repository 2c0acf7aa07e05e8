-- newest(old time, old value, new time, new value): the later value that says something; at equal times the greater
-- one, whatever came first. A value without a time is a default or derived: it is no statement.
CREATE OR REPLACE TEMP MACRO newest(old_time, old_value, new_time, new_value) AS
    CASE
        WHEN new_value IS NULL THEN CASE WHEN old_time IS NOT NULL THEN old_value END
        WHEN old_time IS NULL OR new_time > old_time OR (new_time = old_time AND new_value > old_value) THEN new_value
        ELSE old_value
    END

-- stated_at(when a counter was last stated, last look, new value, time of the new look): when it was last stated after
-- the new look; null where that is at the last look.
CREATE OR REPLACE TEMP MACRO stated_at(stated, looked, new_value, new_time) AS
    nullif(
        greatest(coalesce(stated, looked), CASE WHEN new_value IS NOT NULL THEN new_time END),
        greatest(looked, new_time))

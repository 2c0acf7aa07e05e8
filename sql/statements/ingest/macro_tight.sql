-- tight(text): plain, and with nothing to trim; for what machines write.
CREATE OR REPLACE TEMP MACRO tight(t) AS plain(t) AND coalesce(t = '' OR NOT (t < '!' OR ends_with(t, ' ')), true)

-- The rows that label_changed replaces: keyed by track and labeller.
DELETE FROM aesthetic USING label_changed AS c
WHERE aesthetic.platform = c.platform AND aesthetic.track_id = c.track_id AND aesthetic.labeller = c.labeller

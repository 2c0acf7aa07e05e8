-- The rows that an updated label replaces: keyed by track and labeller.
DELETE FROM aesthetic USING label_said AS s
WHERE s.state = 'updated'
  AND aesthetic.platform = s.platform AND aesthetic.track_id = s.track_id AND aesthetic.labeller = s.labeller

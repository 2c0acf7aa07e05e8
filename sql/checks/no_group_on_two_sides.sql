-- One row a group whose tracks, quarantined ones aside, lie on more than one side of the split, as the split has it.
-- severity: block
-- when: score, train, snapshot
-- fix: go back to a good backup (`apex restore --backup STAMP --yes --set-aside`) and run the night again;
--   a model trained meanwhile has seen what it was tested on.
SELECT 'group' AS what, group_key AS which, string_agg(DISTINCT split, ', ' ORDER BY split) AS detail
FROM split
WHERE NOT quarantined
GROUP BY group_key
HAVING min(split) <> max(split)
ORDER BY group_key

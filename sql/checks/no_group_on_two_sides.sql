-- Block. One row a group whose tracks, quarantined ones aside, lie on more than one side of the split.
SELECT 'split' AS what, group_key AS which
FROM split
WHERE NOT quarantined
GROUP BY group_key
HAVING count(DISTINCT split) > 1
ORDER BY group_key

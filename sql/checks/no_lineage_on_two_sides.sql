-- One row a group, as lineage says today (DESIGN §4), whose tracks lie on two sides although this run has given sides
-- and quarantined what late lineage puts elsewhere. Silent in a run that did not train: there that is still to be done.
-- severity: block
-- when: train, snapshot
-- needs: train/create_groups
-- fix: nothing learned from this split is to be trusted; run `apex nightly` again, which quarantines anew, and if that
--   does not mend it go back to a good backup (`apex restore --backup STAMP --yes --set-aside`).
SELECT 'group' AS what, n.group_key AS which, string_agg(DISTINCT s.split, ', ' ORDER BY s.split) AS detail
FROM split AS s
JOIN split_now AS n USING (platform, track_id)
WHERE NOT s.quarantined AND EXISTS (FROM run_stat WHERE run_id = $run_id AND stage = 'train')
GROUP BY n.group_key
HAVING min(s.split) <> max(s.split)
ORDER BY n.group_key

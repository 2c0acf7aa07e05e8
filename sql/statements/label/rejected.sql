-- One row a labeller, name and reason of entries that are refused; payload: what they say, all of them. One that names a
-- forgotten track leaves no trace.
SELECT
    labeller,
    name,
    reason,
    to_json(list({
        name: name, coherence: coherence, musicality: musicality, memorability: memorability, clarity: clarity,
        naturalness: naturalness
    } ORDER BY entry))::VARCHAR AS payload
FROM label_entry
WHERE reason <> 'forgotten'
GROUP BY labeller, name, reason
ORDER BY labeller, name, reason

-- The view "named" holds the keys of rejects that name somebody forgotten.
DELETE FROM reject USING named AS n
WHERE reject.source = n.source AND reject.reject_key = n.reject_key AND reject.reason = n.reason

-- One row a UTC day since $since: rejects that were new on it, resolved since or not.
SELECT (first_seen AT TIME ZONE 'UTC')::DATE AS day, count(*) AS records
FROM reject
WHERE first_seen > $since
GROUP BY day
ORDER BY day

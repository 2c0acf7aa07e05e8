-- One row a line that needs a closer look: it is a page, or a record with something odd about it, or no JSON at all. Blank lines are nothing.
INSERT INTO stage_page
SELECT observed_at, url, odd, envelope_of(members_of(odd), odd)
FROM stage_clean
WHERE odd IS NOT NULL AND trim(odd) <> ''

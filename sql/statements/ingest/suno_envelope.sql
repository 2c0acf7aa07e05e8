-- envelope_of(members, body): which of Suno's shapes a body has (SOURCES §1), by the members it must have, never by
-- looking around in it; else the reason why it is refused. A lone clip has an id and one more of its fields, or
-- fields that only clips have. A body that only tells of an error is refused under a name of its own: it says
-- nothing about the format.
CREATE OR REPLACE TEMP MACRO envelope_of(members, body) AS
    CASE
        WHEN members[2] = 'ARRAY' THEN 'clips'
        WHEN members[3] = 'ARRAY' THEN 'playlist'
        WHEN members[4] = 'ARRAY' THEN 'project'
        WHEN members[5] = 'ARRAY' THEN 'search'
        WHEN members[6] = 'ARRAY' THEN 'home'
        WHEN members[8] IS NOT NULL AND coalesce(
            members[9], members[10], members[11], members[12], members[13], members[14], members[15], members[16]
        ) IS NOT NULL THEN 'record'
        WHEN members[9] = 'OBJECT' OR members[10] = 'VARCHAR' THEN 'record'
        ELSE refusal_of(members[1], members[7], body)
    END

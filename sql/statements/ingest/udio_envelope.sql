-- envelope_of(members, body): which of Udio's shapes a body has (SOURCES §2), else the reason why it is refused.
CREATE OR REPLACE TEMP MACRO envelope_of(members, body) AS
    CASE
        WHEN members[2] = 'ARRAY' THEN 'data'
        WHEN members[3] = 'ARRAY' THEN 'songs'
        WHEN members[5] IS NOT NULL AND coalesce(
            members[6], members[7], members[8], members[9], members[10], members[11], members[12]
        ) IS NOT NULL THEN 'record'
        WHEN members[6] = 'VARCHAR' OR members[7] = 'VARCHAR' THEN 'record'
        ELSE refusal_of(members[1], members[4], body)
    END

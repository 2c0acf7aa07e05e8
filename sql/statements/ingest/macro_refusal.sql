-- refusal_of(type of the body, type of its detail, body): a bare array, or the reason why a body is refused.
CREATE OR REPLACE TEMP MACRO refusal_of(type, detail, body) AS
    CASE
        WHEN type = 'ARRAY' THEN 'array'
        WHEN regexp_full_match(body, '(?is)\s*"?too many requests\.?"?\s*') THEN 'throttled_body'
        WHEN type IS NULL THEN 'not_json'
        WHEN detail IS NULL THEN 'unknown_envelope'
        WHEN regexp_matches(body, '(?i)unauthori|authentic|credential|token') THEN 'unauthorized_body'
        ELSE 'error_body'
    END

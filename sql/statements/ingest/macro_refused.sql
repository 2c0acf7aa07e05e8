-- refused(envelope): whether it is a reason of refusal_of and not a shape.
CREATE OR REPLACE TEMP MACRO refused(envelope) AS
    envelope IN (
        'unreadable_line', 'unknown_envelope', 'not_json', 'throttled_body', 'unauthorized_body', 'error_body')

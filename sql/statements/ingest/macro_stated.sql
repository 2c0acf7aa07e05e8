-- stated(time, value): what was said when; nothing without a time, so that defaults and derived values are no statements.
CREATE OR REPLACE TEMP MACRO stated(moment, value) AS
    struct_pack(t := moment, v := CASE WHEN moment IS NOT NULL THEN value END)

-- flag_of(json): true or false from a JSON boolean or from "True"/"False" (feed v3 writes booleans as text); else
-- null.
CREATE OR REPLACE TEMP MACRO flag_of(j) AS
    CASE lower(trim(j::VARCHAR, '"')) WHEN 'true' THEN true WHEN 'false' THEN false END

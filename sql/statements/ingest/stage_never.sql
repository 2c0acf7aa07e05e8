-- One row a track or creator of the platform that was forgotten and may not come back.
CREATE OR REPLACE TEMP TABLE stage_never AS
SELECT kind, id FROM forgotten WHERE platform = $platform

-- As it was.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu') THEN
        CREATE OR REPLACE FUNCTION task_management_fold(value text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS 'SELECT lower(value COLLATE "und-x-icu") COLLATE "C"';
    ELSE
        CREATE OR REPLACE FUNCTION task_management_fold(value text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS 'SELECT lower(value COLLATE "default") COLLATE "C"';
    END IF;
END $$;

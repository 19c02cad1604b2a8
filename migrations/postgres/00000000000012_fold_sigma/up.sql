-- The sigma at the end of a word is folded as any other: it depends on what follows, which a search does not know.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu') THEN
        CREATE OR REPLACE FUNCTION task_management_fold(value text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS 'SELECT translate(lower(value COLLATE "und-x-icu"), ''ς'', ''σ'') COLLATE "C"';
    ELSE
        CREATE OR REPLACE FUNCTION task_management_fold(value text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS 'SELECT translate(lower(value COLLATE "default"), ''ς'', ''σ'') COLLATE "C"';
    END IF;
END $$;

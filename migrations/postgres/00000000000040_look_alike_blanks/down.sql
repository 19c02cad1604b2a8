DELETE FROM task_management_schemalevel WHERE version = '00000000000040';
DO $$
BEGIN
    IF getdatabaseencoding() = 'UTF8' AND current_setting('server_version_num')::int >= 130000 THEN
        CREATE OR REPLACE FUNCTION task_management_likeness(value text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS 'SELECT task_management_fold(normalize(translate(value, chr(8204) || chr(8205), ''''), NFKC))';
    ELSE
        CREATE OR REPLACE FUNCTION task_management_likeness(value text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS 'SELECT task_management_fold(value)';
    END IF;
END $$;

-- What the newest token for a new password of a person is bound to; none where the person has no such token.
ALTER TABLE core_user ADD COLUMN reset_key text;

-- What two names have in common that read the same: letters in one form and one case, without the joiners between them. Other
-- encodings than UTF-8 and servers before PostgreSQL 13 can't bring letters into one form.
DO $$
BEGIN
    IF getdatabaseencoding() = 'UTF8' AND current_setting('server_version_num')::int >= 130000 THEN
        CREATE FUNCTION task_management_likeness(value text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS 'SELECT task_management_fold(normalize(translate(value, chr(8204) || chr(8205), ''''), NFKC))';
    ELSE
        CREATE FUNCTION task_management_likeness(value text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS 'SELECT task_management_fold(value)';
    END IF;
END $$;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000039', '00000000000013');

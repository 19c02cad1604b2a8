DELETE FROM task_management_schemalevel WHERE version = '00000000000045';
DO $$
BEGIN
    IF getdatabaseencoding() = 'UTF8' AND current_setting('server_version_num')::int >= 130000 THEN
        CREATE OR REPLACE FUNCTION task_management_likeness(value text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS $f$
                SELECT regexp_replace(replace(translate(
                    normalize(task_management_fold(normalize(translate(value, E'\u200c\u200d', ''), NFKD)), NFKD),
                    E'\u0345\u0131\u1c80\u1c81\u1c82\u1c83\u1c84\u1c85\u1c86\u1c87\u1c88\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2018\u2019\u02bc',
                    E'\u03b9i\u0432\u0434\u043e\u0441\u0442\u0442\u044a\u0463\ua64b--------'''''''),
                    E'\u00df', 'ss'), ' +', ' ', 'g')
            $f$;
    END IF;
END $$;

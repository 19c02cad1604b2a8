-- The same word for names that differ in case only by full folding, by blanks, dashes, slashes or apostrophes, or by the script of their
-- digits: of each script that has digits of its own, the zero is listed, which the one to nine follow. `src/domain/text.rs` says the same.
DO $$
DECLARE
    zeros int[] := ARRAY[
            1632, 1776, 1984, 2406, 2534, 2662, 2790, 2918, 3046, 3174, 3302, 3430, 3558, 3664, 3792, 3872, 4160, 4240, 6112,
            6160, 6470, 6608, 6784, 6800, 6992, 7088, 7232, 7248, 42528, 43216, 43264, 43472, 43504, 43600, 44016, 66720, 68912,
            68928, 69734, 69872, 69942, 70096, 70384, 70736, 70864, 71248, 71360, 71376, 71386, 71472, 71904, 72016, 72688, 72784,
            73040, 73120, 73184, 73552, 92768, 92864, 93008, 118000, 123200, 123632, 124144, 124401, 125264];
    digits text;
BEGIN
    IF getdatabaseencoding() = 'UTF8' AND current_setting('server_version_num')::int >= 130000 THEN
        SELECT string_agg(chr(zero + digit), '' ORDER BY zero, digit) INTO digits
            FROM unnest(zeros) AS zero, generate_series(0, 9) AS digit;
        EXECUTE format(
            $d$
            CREATE OR REPLACE FUNCTION task_management_likeness(value text) RETURNS text
                LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
                AS $f$
                    SELECT regexp_replace(replace(translate(
                        normalize(task_management_fold(normalize(translate(value, E'\u200c\u200d', ''), NFKD)), NFKD),
                        %L
                        || E'\u1680\u0345\u0131\u1c80\u1c81\u1c82\u1c83\u1c84\u1c85\u1c86\u1c87\u1c88\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212'
                        || E'\u2018\u2019\u02bc\u2044\u2215',
                        %L || E' \u03b9i\u0432\u0434\u043e\u0441\u0442\u0442\u044a\u0463\ua64b--------''''''//'),
                        E'\u00df', 'ss'), ' +', ' ', 'g')
                $f$
            $d$,
            digits, repeat('0123456789', cardinality(zeros)));
    END IF;
END $$;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000045', '00000000000013');

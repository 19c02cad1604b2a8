-- The module itself, in whose name is done what nobody does. It is not active and nothing hashes to its password, so nobody
-- logs in by it. Its name and number may be somebody's already.
INSERT INTO core_user (id, interactive_user_id, username, password, last_name, other_names, language, is_active, version,
        date_created, date_updated)
    SELECT '00000000-0000-4000-8000-000000000001', LEAST(0, COALESCE(MIN(interactive_user_id), 1) - 1),
        CASE WHEN EXISTS (SELECT 1 FROM core_user WHERE username = '(system)')
            THEN '(system) 00000000-0000-4000-8000-000000000001' ELSE '(system)' END,
        '', 'System', '', 'en', false, 1, timezone('utc', now()), timezone('utc', now())
    FROM core_user;

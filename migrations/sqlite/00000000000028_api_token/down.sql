DROP TABLE core_securitylog;
DELETE FROM core_session WHERE token_name IS NOT NULL;
ALTER TABLE core_session DROP COLUMN date_used;
ALTER TABLE core_session DROP COLUMN token_rights;
ALTER TABLE core_session DROP COLUMN token_name;
DELETE FROM task_management_schemalevel WHERE version = '00000000000028';

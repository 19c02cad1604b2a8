DROP TABLE core_historicaluserrole;
DROP TABLE core_historicalroleright;
DROP TABLE core_historicalrole;
DROP TABLE core_historicaluser;
ALTER TABLE core_user DROP COLUMN user_updated;
ALTER TABLE core_user DROP COLUMN user_created;
ALTER TABLE core_user DROP COLUMN is_deleted;
DELETE FROM task_management_schemalevel WHERE version = '00000000000027';

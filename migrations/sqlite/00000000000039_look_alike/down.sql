ALTER TABLE core_user DROP COLUMN reset_key;
DELETE FROM task_management_schemalevel WHERE version = '00000000000039';

DROP FUNCTION task_management_likeness(text);
ALTER TABLE core_user DROP COLUMN reset_key;
DELETE FROM task_management_schemalevel WHERE version = '00000000000039';

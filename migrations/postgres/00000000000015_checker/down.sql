DELETE FROM task_management_schemalevel WHERE version = '00000000000015';
ALTER TABLE task_management_checkedservice DROP COLUMN within_only;
ALTER TABLE task_management_historicaltask DROP COLUMN checker;
ALTER TABLE task_management_task DROP COLUMN checker;

DROP INDEX task_management_task_due;
DELETE FROM task_management_schemalevel WHERE version = '00000000000041';

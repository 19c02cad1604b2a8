DELETE FROM task_management_schemalevel WHERE version = '00000000000025';
DROP INDEX task_management_task_next;

DROP INDEX task_management_task_asked;
DELETE FROM task_management_schemalevel WHERE version = '00000000000024';

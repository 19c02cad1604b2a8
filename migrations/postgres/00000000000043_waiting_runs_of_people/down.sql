DROP INDEX task_management_functionrun_waiting_user;
DELETE FROM task_management_schemalevel WHERE version = '00000000000043';

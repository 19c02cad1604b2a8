DROP INDEX task_management_functionrun_waiting_person;
DELETE FROM task_management_schemalevel WHERE version = '00000000000046';

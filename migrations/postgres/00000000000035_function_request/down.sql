DELETE FROM task_management_schemalevel WHERE version = '00000000000035';
DROP TABLE task_management_functionrequest;

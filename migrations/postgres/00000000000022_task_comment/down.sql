DROP TABLE task_management_historicaltaskcomment;
DROP TABLE task_management_taskcomment;
DELETE FROM task_management_schemalevel WHERE version = '00000000000022';

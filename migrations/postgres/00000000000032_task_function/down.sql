DELETE FROM task_management_schemalevel WHERE version = '00000000000032';
ALTER TABLE task_management_outbox DROP COLUMN cause_depth;
DROP TABLE task_management_functionlog;
DROP TABLE task_management_functionrun;
DROP TABLE task_management_functionmeter;
DROP TABLE task_management_functionsecret;
DROP TABLE task_management_historicaltaskfunction;
DROP TABLE task_management_taskfunction;

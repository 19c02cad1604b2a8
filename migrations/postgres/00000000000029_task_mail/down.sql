DROP TABLE task_management_historicaltasktemplate;
DROP TABLE task_management_tasktemplate;
DELETE FROM task_management_outbox WHERE handler IN ('tasks.mail', 'tasks.mail_addressing');
DROP TABLE task_management_taskmail;
DELETE FROM task_management_schemalevel WHERE version = '00000000000029';

DELETE FROM task_management_schemalevel WHERE version = '00000000000033';
DELETE FROM task_management_timer WHERE kind = 'SCHEDULE';
DELETE FROM task_management_functionlog WHERE id IN (SELECT id FROM task_management_functionrun WHERE triggered_by = 'SCHEDULE');
DELETE FROM task_management_functionrun WHERE triggered_by = 'SCHEDULE';
DROP INDEX task_management_functionrun_moment;
ALTER TABLE task_management_functionrun DROP COLUMN date_scheduled;
ALTER TABLE task_management_functionrun DROP COLUMN schedule_id;
DROP TABLE task_management_historicalfunctionschedule;
DROP TABLE task_management_functionschedule;

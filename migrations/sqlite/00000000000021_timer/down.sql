DELETE FROM task_management_schemalevel WHERE version = '00000000000021';
ALTER TABLE task_management_historicaltaskflowstep DROP COLUMN escalations;
ALTER TABLE task_management_taskflowstep DROP COLUMN escalations;
ALTER TABLE task_management_historicaltaskgroup DROP COLUMN escalations;
ALTER TABLE task_management_taskgroup DROP COLUMN escalations;
DROP TABLE task_management_timerwatch;
DROP TABLE task_management_timer;

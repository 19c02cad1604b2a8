DELETE FROM task_management_schemalevel WHERE version = '00000000000023';
DELETE FROM task_management_timer WHERE kind = 'LAPSE';
ALTER TABLE task_management_historicaltaskgroup DROP COLUMN claim_seconds;
ALTER TABLE task_management_historicaltaskgroup DROP COLUMN claim_mode;
ALTER TABLE task_management_taskgroup DROP COLUMN claim_seconds;
ALTER TABLE task_management_taskgroup DROP COLUMN claim_mode;
DROP TABLE task_management_taskclaim;

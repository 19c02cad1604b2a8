DELETE FROM task_management_schemalevel WHERE version = '00000000000038';
ALTER TABLE task_management_historicaltaskfunction DROP COLUMN memory_limit;
ALTER TABLE task_management_historicaltaskfunction DROP COLUMN source;
ALTER TABLE task_management_taskfunction DROP COLUMN memory_limit;
ALTER TABLE task_management_taskfunction DROP COLUMN source;

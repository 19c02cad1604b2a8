ALTER TABLE task_management_historicaltask DROP COLUMN priority;
ALTER TABLE task_management_task DROP COLUMN priority;

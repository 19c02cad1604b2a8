-- The function that carries out what a group or a flow has decided, by its name, and those for single sources; and the task for which a
-- run is. A process of the commit before leaves the columns of groups and flows as they are; where it binds sources anew, their functions
-- wait for the next change by a process that knows them.
ALTER TABLE task_management_taskgroup ADD COLUMN on_completed text;
ALTER TABLE task_management_historicaltaskgroup ADD COLUMN on_completed text;
ALTER TABLE task_management_taskflow ADD COLUMN on_completed text;
ALTER TABLE task_management_historicaltaskflow ADD COLUMN on_completed text;
ALTER TABLE task_management_taskgroup ADD COLUMN source_functions text;
ALTER TABLE task_management_historicaltaskgroup ADD COLUMN source_functions text;
ALTER TABLE task_management_taskflow ADD COLUMN source_functions text;
ALTER TABLE task_management_historicaltaskflow ADD COLUMN source_functions text;
ALTER TABLE task_management_tasksource ADD COLUMN on_completed text;
ALTER TABLE task_management_functionrun ADD COLUMN task_id text;
CREATE INDEX task_management_functionrun_task ON task_management_functionrun (task_id, id) WHERE task_id IS NOT NULL;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000034', '00000000000013');

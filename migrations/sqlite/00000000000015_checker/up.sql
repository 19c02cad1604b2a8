-- The service under maker-checker with which a task was filed, so that no process completes the task and leaves the operation
-- undone; and whether the service carries out operations in the transaction of the decision only.
ALTER TABLE task_management_task ADD COLUMN checker text;
ALTER TABLE task_management_historicaltask ADD COLUMN checker text;
ALTER TABLE task_management_checkedservice ADD COLUMN within_only boolean NOT NULL DEFAULT false;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000015', '00000000000013');

DELETE FROM task_management_schemalevel WHERE version = '00000000000020';
DROP INDEX task_management_task_maker_created;
DROP TRIGGER task_management_taskpool_follow;
DROP TRIGGER task_management_taskpool_of_task;
DROP INDEX task_management_taskpool_asked_created;
DROP INDEX task_management_taskpool_asked;
ALTER TABLE task_management_taskpool DROP COLUMN is_given;
ALTER TABLE task_management_taskpool DROP COLUMN task_date_created;
DROP INDEX task_management_task_group_id;

-- Makers see the tasks that they have made.
CREATE INDEX task_management_task_maker ON task_management_task (user_created, id) WHERE NOT is_deleted;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000019', '00000000000013');

-- What the newest token for a new password of a person is bound to; none where the person has no such token.
ALTER TABLE core_user ADD COLUMN reset_key text;
-- `task_management_likeness` is given to each connection by the program.
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000039', '00000000000013');

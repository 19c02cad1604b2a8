-- `task_management_likeness` is given to each connection by the program, which compares digits of all scripts and slashes in one form now.
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000045', '00000000000013');

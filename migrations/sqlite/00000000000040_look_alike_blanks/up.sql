-- `task_management_likeness` is given to each connection by the program, which compares blanks, dashes and apostrophes in one form now.
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000040', '00000000000013');

-- `task_management_fold` is given to each connection by the program.
SELECT 1;

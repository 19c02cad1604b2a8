DELETE FROM task_management_schemalevel WHERE version = '00000000000017';
DROP TRIGGER task_management_taskcount_removed;
DROP TRIGGER task_management_taskcount_moved;
DROP TRIGGER task_management_taskcount_added;
DROP TABLE task_management_taskcount;

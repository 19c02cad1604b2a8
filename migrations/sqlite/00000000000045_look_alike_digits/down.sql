DELETE FROM task_management_schemalevel WHERE version = '00000000000045';

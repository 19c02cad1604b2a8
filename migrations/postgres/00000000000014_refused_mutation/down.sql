DELETE FROM task_management_schemalevel WHERE version = '00000000000014';
ALTER TABLE core_mutationlog DROP COLUMN content_hash;

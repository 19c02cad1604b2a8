-- What the module itself wrote is said to be written by whoever made the row, or by nobody.
UPDATE task_management_task SET user_updated = user_created WHERE user_updated = '00000000-0000-4000-8000-000000000001';
UPDATE task_management_taskgroup SET user_updated = user_created WHERE user_updated = '00000000-0000-4000-8000-000000000001';
UPDATE task_management_taskexecutor SET user_updated = user_created WHERE user_updated = '00000000-0000-4000-8000-000000000001';
UPDATE task_management_taskflow SET user_updated = user_created WHERE user_updated = '00000000-0000-4000-8000-000000000001';
UPDATE task_management_taskflowstep SET user_updated = user_created WHERE user_updated = '00000000-0000-4000-8000-000000000001';
UPDATE task_management_taskdecision SET user_updated = user_created WHERE user_updated = '00000000-0000-4000-8000-000000000001';
UPDATE task_management_historicaltask SET history_user = NULL WHERE history_user = '00000000-0000-4000-8000-000000000001';
UPDATE task_management_historicaltaskgroup SET history_user = NULL WHERE history_user = '00000000-0000-4000-8000-000000000001';
UPDATE task_management_historicaltaskexecutor SET history_user = NULL WHERE history_user = '00000000-0000-4000-8000-000000000001';
UPDATE task_management_historicaltaskflow SET history_user = NULL WHERE history_user = '00000000-0000-4000-8000-000000000001';
UPDATE task_management_historicaltaskflowstep SET history_user = NULL WHERE history_user = '00000000-0000-4000-8000-000000000001';
UPDATE task_management_historicaltaskdecision SET history_user = NULL WHERE history_user = '00000000-0000-4000-8000-000000000001';
DELETE FROM core_user WHERE id = '00000000-0000-4000-8000-000000000001';

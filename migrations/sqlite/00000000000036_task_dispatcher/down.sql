DELETE FROM task_management_schemalevel WHERE version = '00000000000036';
DELETE FROM task_management_outbox WHERE handler LIKE 'dispatcher:%';
DELETE FROM task_management_outbox WHERE handler = 'tasks.mail'
    AND entity_id IN (SELECT id FROM task_management_taskmail WHERE dispatcher_id IS NOT NULL);
DELETE FROM task_management_taskmail WHERE dispatcher_id IS NOT NULL;
ALTER TABLE task_management_taskmail DROP COLUMN dispatcher_id;
DELETE FROM task_management_functionlog WHERE id IN (SELECT id FROM task_management_functionrun WHERE triggered_by = 'EVENT');
DELETE FROM task_management_functionrun WHERE triggered_by = 'EVENT';
DROP INDEX task_management_functionrun_event;
ALTER TABLE task_management_functionrun DROP COLUMN event_id;
ALTER TABLE task_management_functionrun DROP COLUMN dispatcher_id;
DROP TABLE task_management_historicaltaskdispatcher;
DROP TABLE task_management_taskdispatcher;

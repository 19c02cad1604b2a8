DROP INDEX task_management_outbox_entity;
DROP INDEX task_management_outbox_status;
-- Nobody is told of what was given up, before as after.
UPDATE task_management_outbox SET status = 'DEAD' WHERE status = 'DISCARDED';
ALTER TABLE task_management_outbox DROP CONSTRAINT task_management_outbox_status_check;
ALTER TABLE task_management_outbox ADD CONSTRAINT task_management_outbox_status_check
    CHECK (status IN ('PENDING', 'DELIVERED', 'DEAD'));

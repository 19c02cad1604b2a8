-- Operators may give deliveries up, and look for them.

ALTER TABLE task_management_outbox DROP CONSTRAINT task_management_outbox_status_check;
ALTER TABLE task_management_outbox ADD CONSTRAINT task_management_outbox_status_check
    CHECK (status IN ('PENDING', 'DELIVERED', 'DEAD', 'DISCARDED'));
CREATE INDEX task_management_outbox_status ON task_management_outbox (status, id);
CREATE INDEX task_management_outbox_entity ON task_management_outbox (entity_id, id);

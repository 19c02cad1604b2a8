-- Nobody is told of what was given up, before as after.
UPDATE task_management_outbox SET status = 'DEAD' WHERE status = 'DISCARDED';
CREATE TABLE task_management_outbox_old (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    event_id text NOT NULL,
    signal text NOT NULL,
    handler text NOT NULL,
    entity_id text NOT NULL,
    user_id text NOT NULL,
    data text NOT NULL,
    date_created timestamp NOT NULL,
    status text NOT NULL CHECK (status IN ('PENDING', 'DELIVERED', 'DEAD')),
    attempts integer NOT NULL,
    date_due timestamp NOT NULL,
    leased_by text,
    lease_until timestamp,
    last_error text,
    date_delivered timestamp,
    CONSTRAINT task_management_outbox_once UNIQUE (event_id, handler)
);
INSERT INTO task_management_outbox_old (id, event_id, signal, handler, entity_id, user_id, data, date_created, status, attempts, date_due, leased_by,
    lease_until, last_error, date_delivered)
SELECT id, event_id, signal, handler, entity_id, user_id, data, date_created, status, attempts, date_due, leased_by,
    lease_until, last_error, date_delivered
FROM task_management_outbox;
-- Keys are never given twice, also where the last row was pruned.
UPDATE sqlite_sequence
SET seq = (SELECT old.seq FROM sqlite_sequence AS old WHERE old.name = 'task_management_outbox')
WHERE name = 'task_management_outbox_old' AND EXISTS (SELECT 1 FROM sqlite_sequence AS old WHERE old.name = 'task_management_outbox');
DROP TABLE task_management_outbox;
ALTER TABLE task_management_outbox_old RENAME TO task_management_outbox;
CREATE INDEX task_management_outbox_pending ON task_management_outbox (handler, entity_id, id)
    WHERE status = 'PENDING';

DELETE FROM task_management_timer WHERE kind = 'DIGEST';
DELETE FROM task_management_outbox WHERE handler = 'tasks.mail_digest';
DELETE FROM task_management_taskmail WHERE status = 'WAITING' OR signal = 'user_service.mail_digest';
CREATE TABLE task_management_taskmail_old (
    id text NOT NULL PRIMARY KEY,
    event_id text NOT NULL,
    signal text NOT NULL,
    entity_id text NOT NULL,
    template text NOT NULL,
    recipient text NOT NULL CHECK (recipient IN ('MAKER', 'POOL', 'MISSING', 'CLAIMANT', 'ADDRESS', 'PERSON')),
    user_id text REFERENCES core_user (id),
    address text,
    unique_key text NOT NULL,
    message_id text NOT NULL,
    status text NOT NULL CHECK (status IN ('QUEUED', 'SENDING', 'SENT', 'FAILED')),
    attempts integer NOT NULL,
    error text,
    date_created timestamp NOT NULL,
    date_sent timestamp,
    dispatcher_id text,
    CONSTRAINT task_management_taskmail_to CHECK ((user_id IS NULL) <> (address IS NULL)),
    CONSTRAINT task_management_taskmail_once UNIQUE (unique_key)
);
INSERT INTO task_management_taskmail_old (id, event_id, signal, entity_id, template, recipient, user_id, address, unique_key, message_id, status, attempts, error,
    date_created, date_sent, dispatcher_id)
SELECT id, event_id, signal, entity_id, template, recipient, user_id, address, unique_key, message_id, status, attempts, error,
    date_created, date_sent, dispatcher_id
FROM task_management_taskmail;
DROP TABLE task_management_taskmail;
ALTER TABLE task_management_taskmail_old RENAME TO task_management_taskmail;
CREATE INDEX task_management_taskmail_entity ON task_management_taskmail (entity_id, id);
CREATE INDEX task_management_taskmail_user ON task_management_taskmail (user_id, id);
CREATE INDEX task_management_taskmail_status ON task_management_taskmail (status, id);
CREATE INDEX task_management_taskmail_date ON task_management_taskmail (date_created, id);
ALTER TABLE core_historicaluser DROP COLUMN mail_time_zone;
ALTER TABLE core_historicaluser DROP COLUMN mail_hour;
ALTER TABLE core_historicaluser DROP COLUMN mail_frequency;
ALTER TABLE core_user DROP COLUMN mail_time_zone;
ALTER TABLE core_user DROP COLUMN mail_hour;
ALTER TABLE core_user DROP COLUMN mail_frequency;
DELETE FROM task_management_schemalevel WHERE version = '00000000000037';

-- Each person chooses whether mails about tasks come at once, or in a digest: how often, at which hour, and by the clock of which zone.
ALTER TABLE core_user ADD COLUMN mail_frequency text NOT NULL DEFAULT 'AT_ONCE'
    CHECK (mail_frequency IN ('AT_ONCE', 'HOURLY', 'DAILY', 'WEEKLY'));
ALTER TABLE core_user ADD COLUMN mail_hour integer NOT NULL DEFAULT 8 CHECK (mail_hour BETWEEN 0 AND 23);
ALTER TABLE core_user ADD COLUMN mail_time_zone text NOT NULL DEFAULT 'UTC';
ALTER TABLE core_historicaluser ADD COLUMN mail_frequency text NOT NULL DEFAULT 'AT_ONCE';
ALTER TABLE core_historicaluser ADD COLUMN mail_hour integer NOT NULL DEFAULT 8;
ALTER TABLE core_historicaluser ADD COLUMN mail_time_zone text NOT NULL DEFAULT 'UTC';

-- Mails wait for the digest with which they go. SQLite can't change a check, so the table is made anew.
CREATE TABLE task_management_taskmail_new (
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
    status text NOT NULL CHECK (status IN ('QUEUED', 'WAITING', 'SENDING', 'SENT', 'FAILED')),
    attempts integer NOT NULL,
    error text,
    date_created timestamp NOT NULL,
    date_sent timestamp,
    dispatcher_id text,
    digest_id text,
    cause text,
    CONSTRAINT task_management_taskmail_to CHECK ((user_id IS NULL) <> (address IS NULL)),
    CONSTRAINT task_management_taskmail_once UNIQUE (unique_key)
);
INSERT INTO task_management_taskmail_new (id, event_id, signal, entity_id, template, recipient, user_id, address, unique_key, message_id, status, attempts, error,
    date_created, date_sent, dispatcher_id)
SELECT id, event_id, signal, entity_id, template, recipient, user_id, address, unique_key, message_id, status, attempts, error,
    date_created, date_sent, dispatcher_id
FROM task_management_taskmail;
DROP TABLE task_management_taskmail;
ALTER TABLE task_management_taskmail_new RENAME TO task_management_taskmail;
CREATE INDEX task_management_taskmail_entity ON task_management_taskmail (entity_id, id);
CREATE INDEX task_management_taskmail_user ON task_management_taskmail (user_id, id);
CREATE INDEX task_management_taskmail_status ON task_management_taskmail (status, id);
CREATE INDEX task_management_taskmail_date ON task_management_taskmail (date_created, id);
CREATE INDEX task_management_taskmail_waiting ON task_management_taskmail (user_id, id) WHERE status = 'WAITING' AND digest_id IS NULL;
CREATE INDEX task_management_taskmail_digest ON task_management_taskmail (digest_id, id) WHERE digest_id IS NOT NULL;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000037', '00000000000013');

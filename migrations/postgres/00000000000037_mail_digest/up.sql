-- Each person chooses whether mails about tasks come at once, or in a digest: how often, at which hour, and by the clock of which zone.
ALTER TABLE core_user ADD COLUMN mail_frequency text COLLATE "C" NOT NULL DEFAULT 'AT_ONCE'
    CHECK (mail_frequency IN ('AT_ONCE', 'HOURLY', 'DAILY', 'WEEKLY'));
ALTER TABLE core_user ADD COLUMN mail_hour integer NOT NULL DEFAULT 8 CHECK (mail_hour BETWEEN 0 AND 23);
ALTER TABLE core_user ADD COLUMN mail_time_zone text COLLATE "C" NOT NULL DEFAULT 'UTC';
ALTER TABLE core_historicaluser ADD COLUMN mail_frequency text COLLATE "C" NOT NULL DEFAULT 'AT_ONCE';
ALTER TABLE core_historicaluser ADD COLUMN mail_hour integer NOT NULL DEFAULT 8;
ALTER TABLE core_historicaluser ADD COLUMN mail_time_zone text COLLATE "C" NOT NULL DEFAULT 'UTC';

-- Mails wait for the digest with which they go.
ALTER TABLE task_management_taskmail DROP CONSTRAINT task_management_taskmail_status_check;
ALTER TABLE task_management_taskmail ADD CONSTRAINT task_management_taskmail_status_check
    CHECK (status IN ('QUEUED', 'WAITING', 'SENDING', 'SENT', 'FAILED'));
ALTER TABLE task_management_taskmail ADD COLUMN digest_id uuid;
ALTER TABLE task_management_taskmail ADD COLUMN cause jsonb;
CREATE INDEX task_management_taskmail_waiting ON task_management_taskmail (user_id, id) WHERE status = 'WAITING' AND digest_id IS NULL;
CREATE INDEX task_management_taskmail_digest ON task_management_taskmail (digest_id, id) WHERE digest_id IS NOT NULL;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000037', '00000000000013');

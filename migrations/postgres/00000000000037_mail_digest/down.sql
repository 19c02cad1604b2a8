DELETE FROM task_management_timer WHERE kind = 'DIGEST';
DELETE FROM task_management_outbox WHERE handler = 'tasks.mail_digest';
DELETE FROM task_management_taskmail WHERE status = 'WAITING' OR signal = 'user_service.mail_digest';
DROP INDEX task_management_taskmail_waiting;
DROP INDEX task_management_taskmail_digest;
ALTER TABLE task_management_taskmail DROP COLUMN digest_id;
ALTER TABLE task_management_taskmail DROP COLUMN cause;
ALTER TABLE task_management_taskmail DROP CONSTRAINT task_management_taskmail_status_check;
ALTER TABLE task_management_taskmail ADD CONSTRAINT task_management_taskmail_status_check
    CHECK (status IN ('QUEUED', 'SENDING', 'SENT', 'FAILED'));
ALTER TABLE core_historicaluser DROP COLUMN mail_time_zone;
ALTER TABLE core_historicaluser DROP COLUMN mail_hour;
ALTER TABLE core_historicaluser DROP COLUMN mail_frequency;
ALTER TABLE core_user DROP COLUMN mail_time_zone;
ALTER TABLE core_user DROP COLUMN mail_hour;
ALTER TABLE core_user DROP COLUMN mail_frequency;
DELETE FROM task_management_schemalevel WHERE version = '00000000000037';

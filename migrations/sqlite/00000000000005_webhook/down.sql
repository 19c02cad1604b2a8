DROP TABLE task_management_webhookattempt;
DROP TABLE task_management_webhookendpoint;
-- Nobody serves these deliveries any more.
UPDATE task_management_outbox SET status = 'DISCARDED' WHERE handler LIKE 'webhook:%' AND status IN ('PENDING', 'DEAD');

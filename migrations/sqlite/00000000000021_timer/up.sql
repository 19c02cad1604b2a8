-- Things to be done at a moment. One that has acted is not due any more; it stays while its task is open, so that the same reason
-- makes no other.
CREATE TABLE task_management_timer (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind text NOT NULL,
    entity_id text NOT NULL,
    key text NOT NULL,
    due timestamp,
    payload text NOT NULL,
    leased_by text,
    lease_until timestamp,
    attempts integer NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX task_management_timer_key ON task_management_timer (entity_id, kind, key);
CREATE INDEX task_management_timer_due ON task_management_timer (due, id) WHERE due IS NOT NULL;

-- When some process served the timers last.
CREATE TABLE task_management_timerwatch (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    date_seen timestamp
);
INSERT INTO task_management_timerwatch (id, date_seen) VALUES (1, NULL);

-- What happens to tasks that wait too long: at most ten rules of a group or step, which the services check.
ALTER TABLE task_management_taskgroup ADD COLUMN escalations text;
ALTER TABLE task_management_historicaltaskgroup ADD COLUMN escalations text;
ALTER TABLE task_management_taskflowstep ADD COLUMN escalations text;
ALTER TABLE task_management_historicaltaskflowstep ADD COLUMN escalations text;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000021', '00000000000013');

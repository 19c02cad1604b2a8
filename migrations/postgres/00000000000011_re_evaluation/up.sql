-- Why open tasks can't go on, so that lists can be filtered by it. It holds for one version of the task: who writes the task
-- and does not know of this leaves nothing wrong behind.
CREATE TABLE task_management_taskhold (
    task_id uuid NOT NULL PRIMARY KEY REFERENCES task_management_task (id),
    task_version integer NOT NULL,
    reason text COLLATE "C" NOT NULL CHECK (reason IN
        ('EMPTY_POOL', 'NOBODY_MAY_DECIDE', 'TOO_FEW_EXECUTORS', 'READY_TO_DECIDE', 'CHANGED_BY_BARRED')),
    date_held timestamp NOT NULL
);
CREATE INDEX task_management_taskhold_reason ON task_management_taskhold (reason, task_id);

-- The services that some process puts under maker-checker: others must not complete their tasks by themselves.
CREATE TABLE task_management_checkedservice (
    name text COLLATE "C" NOT NULL PRIMARY KEY
);

-- Open tasks that wait already are weighed once.
INSERT INTO task_management_outbox (event_id, signal, handler, entity_id, user_id, data, date_created, status, attempts, date_due)
    SELECT grp.id, 'task_group_service.update', 'tasks.re_evaluation', grp.id, '00000000-0000-4000-8000-000000000001', jsonb_build_object('v', 1, 'taskGroupId', grp.id), timezone('utc', now()), 'PENDING', 0, timezone('utc', now())
    FROM task_management_taskgroup AS grp
    WHERE NOT grp.is_deleted AND (
        EXISTS (SELECT 1 FROM task_management_task AS task
                WHERE NOT task.is_deleted AND task.status = 'ACCEPTED' AND task.task_group_id = grp.id)
        OR EXISTS (SELECT 1 FROM task_management_taskpool AS pool
                   WHERE pool.date_passed IS NULL AND pool.task_group_id = grp.id));

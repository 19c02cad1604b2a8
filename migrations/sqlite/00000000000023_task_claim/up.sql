-- Who works on which pool of a task, until when; and who did, and how that ended. A pool of a task has one claim at a time.
CREATE TABLE task_management_taskclaim (
    id text NOT NULL PRIMARY KEY,
    task_id text NOT NULL REFERENCES task_management_task (id),
    step_id text,
    user_id text NOT NULL REFERENCES core_user (id),
    assigned_by text REFERENCES core_user (id),
    date_claimed timestamp NOT NULL,
    date_until timestamp NOT NULL,
    date_ended timestamp,
    ended_as text
        CONSTRAINT task_management_taskclaim_ended_as CHECK (ended_as IN ('RELEASED', 'VOTED', 'LAPSED', 'LOST', 'CLOSED')),
    ended_by text REFERENCES core_user (id),
    CONSTRAINT task_management_taskclaim_until CHECK (date_until >= date_claimed),
    CONSTRAINT task_management_taskclaim_ended CHECK ((date_ended IS NULL) = (ended_as IS NULL))
);
CREATE UNIQUE INDEX task_management_taskclaim_one_live ON task_management_taskclaim (
    task_id,
    COALESCE(step_id, '00000000-0000-0000-0000-000000000000')
) WHERE date_ended IS NULL;
CREATE INDEX task_management_taskclaim_task ON task_management_taskclaim (task_id, date_until);
CREATE INDEX task_management_taskclaim_live_user ON task_management_taskclaim (user_id, date_until) WHERE date_ended IS NULL;

-- How the people of a group work on its tasks, and for how many seconds one person does. Groups that never had claims have no
-- mode, so that nobody looks for claims of theirs.
ALTER TABLE task_management_taskgroup ADD COLUMN claim_mode text
    CONSTRAINT task_management_taskgroup_claim_mode CHECK (claim_mode IN ('NONE', 'MARK', 'EXCLUSIVE'));
ALTER TABLE task_management_taskgroup ADD COLUMN claim_seconds integer
    CONSTRAINT task_management_taskgroup_claim_seconds CHECK (claim_seconds BETWEEN 60 AND 86400);
ALTER TABLE task_management_historicaltaskgroup ADD COLUMN claim_mode text;
ALTER TABLE task_management_historicaltaskgroup ADD COLUMN claim_seconds integer;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000023', '00000000000013');

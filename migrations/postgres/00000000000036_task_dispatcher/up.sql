-- What is done when something happens: mails that are left, functions that run. Each dispatcher is told of events by the outbox.
CREATE TABLE task_management_taskdispatcher (
    id uuid NOT NULL PRIMARY KEY,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL CHECK (version >= 1),
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL REFERENCES core_user (id),
    user_updated uuid NOT NULL REFERENCES core_user (id),
    name text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    signal text COLLATE "C" NOT NULL,
    conditions jsonb NOT NULL,
    actions jsonb NOT NULL,
    tags jsonb NOT NULL,
    is_enabled boolean NOT NULL
);
CREATE UNIQUE INDEX task_management_taskdispatcher_name_live ON task_management_taskdispatcher (name) WHERE NOT is_deleted;

CREATE TABLE task_management_historicaltaskdispatcher (
    id uuid NOT NULL,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL,
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL,
    user_updated uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    signal text COLLATE "C" NOT NULL,
    conditions jsonb NOT NULL,
    actions jsonb NOT NULL,
    tags jsonb NOT NULL,
    is_enabled boolean NOT NULL,
    history_id bigserial PRIMARY KEY,
    history_date timestamp NOT NULL,
    history_type text COLLATE "C" NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user uuid REFERENCES core_user (id),
    history_change_reason text COLLATE "C"
);
CREATE UNIQUE INDEX task_management_historicaltaskdispatcher_version
    ON task_management_historicaltaskdispatcher (id, version) WHERE history_user IS NOT NULL;
CREATE INDEX task_management_historicaltaskdispatcher_row ON task_management_historicaltaskdispatcher (id);

-- A function runs once for an event of which a dispatcher is told, however often that is.
ALTER TABLE task_management_functionrun ADD COLUMN dispatcher_id uuid;
ALTER TABLE task_management_functionrun ADD COLUMN event_id uuid;
CREATE UNIQUE INDEX task_management_functionrun_event
    ON task_management_functionrun (dispatcher_id, event_id, function_id) WHERE event_id IS NOT NULL;

ALTER TABLE task_management_taskmail ADD COLUMN dispatcher_id uuid;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000036', '00000000000013');

-- The discussion of a task.
CREATE TABLE task_management_taskcomment (
    id uuid NOT NULL PRIMARY KEY,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL CHECK (version >= 1),
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL REFERENCES core_user (id),
    user_updated uuid NOT NULL REFERENCES core_user (id),
    task_id uuid NOT NULL REFERENCES task_management_task (id),
    text text COLLATE "C" NOT NULL,
    mentions jsonb NOT NULL,
    CONSTRAINT task_management_taskcomment_own CHECK (user_created = user_updated)
);
CREATE INDEX task_management_taskcomment_task ON task_management_taskcomment (task_id, id);

CREATE TABLE task_management_historicaltaskcomment (
    id uuid NOT NULL,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL,
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL,
    user_updated uuid NOT NULL,
    task_id uuid NOT NULL,
    text text COLLATE "C" NOT NULL,
    mentions jsonb NOT NULL,
    history_id bigserial PRIMARY KEY,
    history_date timestamp NOT NULL,
    history_type text COLLATE "C" NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user uuid REFERENCES core_user (id),
    history_change_reason text COLLATE "C"
);
CREATE UNIQUE INDEX task_management_historicaltaskcomment_version
    ON task_management_historicaltaskcomment (id, version) WHERE history_user IS NOT NULL;
CREATE INDEX task_management_historicaltaskcomment_row ON task_management_historicaltaskcomment (id);
CREATE INDEX task_management_historicaltaskcomment_task ON task_management_historicaltaskcomment (task_id);
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000022', '00000000000013');

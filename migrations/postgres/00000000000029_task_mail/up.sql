-- Mails, one row for each recipient. A delivery of the outbox sends each.
CREATE TABLE task_management_taskmail (
    id uuid NOT NULL PRIMARY KEY,
    event_id uuid NOT NULL,
    signal text COLLATE "C" NOT NULL,
    entity_id uuid NOT NULL,
    template text COLLATE "C" NOT NULL,
    recipient text COLLATE "C" NOT NULL CHECK (recipient IN ('MAKER', 'POOL', 'MISSING', 'CLAIMANT', 'ADDRESS', 'PERSON')),
    user_id uuid REFERENCES core_user (id),
    address text COLLATE "C",
    unique_key text COLLATE "C" NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('QUEUED', 'SENDING', 'SENT', 'FAILED')),
    attempts integer NOT NULL,
    error text COLLATE "C",
    date_created timestamp NOT NULL,
    date_sent timestamp,
    CONSTRAINT task_management_taskmail_to CHECK ((user_id IS NULL) <> (address IS NULL)),
    CONSTRAINT task_management_taskmail_once UNIQUE (unique_key)
);
CREATE INDEX task_management_taskmail_entity ON task_management_taskmail (entity_id, id);
CREATE INDEX task_management_taskmail_user ON task_management_taskmail (user_id, id);
CREATE INDEX task_management_taskmail_status ON task_management_taskmail (status, id);
CREATE INDEX task_management_taskmail_date ON task_management_taskmail (date_created, id);

-- Templates of mails, one row for each name and language. They come before those that are built in.
CREATE TABLE task_management_tasktemplate (
    id uuid NOT NULL PRIMARY KEY,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL CHECK (version >= 1),
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL REFERENCES core_user (id),
    user_updated uuid NOT NULL REFERENCES core_user (id),
    name text COLLATE "C" NOT NULL,
    language text COLLATE "C" NOT NULL REFERENCES core_language (code),
    subject text COLLATE "C" NOT NULL,
    text text COLLATE "C" NOT NULL,
    html text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX task_management_tasktemplate_name_live ON task_management_tasktemplate (name, language)
    WHERE NOT is_deleted;

CREATE TABLE task_management_historicaltasktemplate (
    id uuid NOT NULL,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL,
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL,
    user_updated uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    language text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    text text COLLATE "C" NOT NULL,
    html text COLLATE "C" NOT NULL,
    history_id bigserial PRIMARY KEY,
    history_date timestamp NOT NULL,
    history_type text COLLATE "C" NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user uuid REFERENCES core_user (id),
    history_change_reason text COLLATE "C"
);
CREATE UNIQUE INDEX task_management_historicaltasktemplate_version
    ON task_management_historicaltasktemplate (id, version) WHERE history_user IS NOT NULL;
CREATE INDEX task_management_historicaltasktemplate_row ON task_management_historicaltasktemplate (id);
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000029', '00000000000013');

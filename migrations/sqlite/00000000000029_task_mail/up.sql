-- Mails, one row for each recipient. A delivery of the outbox sends each.
CREATE TABLE task_management_taskmail (
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
    status text NOT NULL CHECK (status IN ('QUEUED', 'SENDING', 'SENT', 'FAILED')),
    attempts integer NOT NULL,
    error text,
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
    id text NOT NULL PRIMARY KEY,
    is_deleted boolean NOT NULL,
    json_ext text,
    version integer NOT NULL CHECK (version >= 1),
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created text NOT NULL REFERENCES core_user (id),
    user_updated text NOT NULL REFERENCES core_user (id),
    name text NOT NULL,
    language text NOT NULL REFERENCES core_language (code),
    subject text NOT NULL,
    text text NOT NULL,
    html text NOT NULL
);
CREATE UNIQUE INDEX task_management_tasktemplate_name_live ON task_management_tasktemplate (name, language)
    WHERE NOT is_deleted;

CREATE TABLE task_management_historicaltasktemplate (
    id text NOT NULL,
    is_deleted boolean NOT NULL,
    json_ext text,
    version integer NOT NULL,
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created text NOT NULL,
    user_updated text NOT NULL,
    name text NOT NULL,
    language text NOT NULL,
    subject text NOT NULL,
    text text NOT NULL,
    html text NOT NULL,
    history_id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    history_date timestamp NOT NULL,
    history_type text NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user text REFERENCES core_user (id),
    history_change_reason text
);
CREATE UNIQUE INDEX task_management_historicaltasktemplate_version
    ON task_management_historicaltasktemplate (id, version) WHERE history_user IS NOT NULL;
CREATE INDEX task_management_historicaltasktemplate_row ON task_management_historicaltasktemplate (id);
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000029', '00000000000013');

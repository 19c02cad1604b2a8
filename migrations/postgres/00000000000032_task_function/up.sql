-- Functions, and the runs in which they are executed. A later program may have more kinds of functions, more modes of permission and
-- more triggers of runs, so no constraint lists these.
CREATE TABLE task_management_taskfunction (
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
    kind text COLLATE "C" NOT NULL,
    url text COLLATE "C",
    time_limit integer NOT NULL CONSTRAINT task_management_taskfunction_time_limit CHECK (time_limit BETWEEN 3 AND 300),
    permission_mode text COLLATE "C" NOT NULL,
    default_priority bigint NOT NULL CONSTRAINT task_management_taskfunction_priority
        CHECK (default_priority BETWEEN -9007199254740991 AND 9007199254740991),
    is_idempotent boolean NOT NULL,
    is_enabled boolean NOT NULL,
    max_concurrency integer NOT NULL CONSTRAINT task_management_taskfunction_concurrency CHECK (max_concurrency >= 1),
    runs_per_minute integer NOT NULL CONSTRAINT task_management_taskfunction_rate CHECK (runs_per_minute >= 1),
    retry_policy jsonb NOT NULL,
    service_account uuid REFERENCES core_user (id),
    environment jsonb NOT NULL,
    date_secret timestamp
);
CREATE UNIQUE INDEX task_management_taskfunction_name_live ON task_management_taskfunction (name) WHERE NOT is_deleted;

CREATE TABLE task_management_historicaltaskfunction (
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
    kind text COLLATE "C" NOT NULL,
    url text COLLATE "C",
    time_limit integer NOT NULL,
    permission_mode text COLLATE "C" NOT NULL,
    default_priority bigint NOT NULL,
    is_idempotent boolean NOT NULL,
    is_enabled boolean NOT NULL,
    max_concurrency integer NOT NULL,
    runs_per_minute integer NOT NULL,
    retry_policy jsonb NOT NULL,
    service_account uuid,
    environment jsonb NOT NULL,
    date_secret timestamp,
    history_id bigserial PRIMARY KEY,
    history_date timestamp NOT NULL,
    history_type text COLLATE "C" NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user uuid REFERENCES core_user (id),
    history_change_reason text COLLATE "C"
);
CREATE UNIQUE INDEX task_management_historicaltaskfunction_version
    ON task_management_historicaltaskfunction (id, version) WHERE history_user IS NOT NULL;
CREATE INDEX task_management_historicaltaskfunction_row ON task_management_historicaltaskfunction (id);

-- What is secret about a function: it stands in no version. And how many of its runs were begun in which minute.
CREATE TABLE task_management_functionsecret (
    id uuid NOT NULL PRIMARY KEY REFERENCES task_management_taskfunction (id),
    secrets jsonb NOT NULL,
    variables jsonb NOT NULL
);
CREATE TABLE task_management_functionmeter (
    id uuid NOT NULL PRIMARY KEY REFERENCES task_management_taskfunction (id),
    minute timestamp NOT NULL,
    begun bigint NOT NULL
);

CREATE TABLE task_management_functionrun (
    id uuid NOT NULL PRIMARY KEY,
    function_id uuid NOT NULL REFERENCES task_management_taskfunction (id),
    function_name text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL
        CHECK (status IN ('NEW', 'IN_PROGRESS', 'COMPLETE', 'FAILED', 'RETRIED', 'CANCELED')),
    date_status timestamp NOT NULL,
    triggered_by text COLLATE "C" NOT NULL,
    data jsonb NOT NULL,
    result jsonb,
    error_name text COLLATE "C",
    error_message text COLLATE "C",
    error_type text COLLATE "C" CHECK (error_type IN ('INVOCATION', 'RUNTIME', 'RESPONSE')),
    tags jsonb NOT NULL,
    date_start timestamp NOT NULL,
    priority bigint NOT NULL,
    user_created uuid NOT NULL REFERENCES core_user (id),
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    date_begun timestamp,
    retry_for jsonb NOT NULL,
    retried_by uuid,
    cause_depth integer NOT NULL,
    leased_by uuid,
    lease_until timestamp,
    attempts integer NOT NULL,
    CONSTRAINT task_management_functionrun_error CHECK ((error_name IS NOT NULL) = (status IN ('FAILED', 'RETRIED'))),
    CONSTRAINT task_management_functionrun_retried CHECK ((retried_by IS NOT NULL) = (status = 'RETRIED')),
    CONSTRAINT task_management_functionrun_depth CHECK (cause_depth >= 0)
);
CREATE INDEX task_management_functionrun_waiting
    ON task_management_functionrun (function_id, priority DESC, date_start, id) WHERE status = 'NEW';
CREATE INDEX task_management_functionrun_in_hand ON task_management_functionrun (lease_until) WHERE status = 'IN_PROGRESS';
CREATE INDEX task_management_functionrun_function ON task_management_functionrun (function_name, id);
CREATE INDEX task_management_functionrun_user ON task_management_functionrun (user_created, id);
CREATE INDEX task_management_functionrun_ended
    ON task_management_functionrun (date_status) WHERE status NOT IN ('NEW', 'IN_PROGRESS');

-- What a run has said.
CREATE TABLE task_management_functionlog (
    id uuid NOT NULL PRIMARY KEY REFERENCES task_management_functionrun (id) ON DELETE CASCADE,
    lines jsonb NOT NULL
);

-- How many runs stand behind an event, one causing the next.
ALTER TABLE task_management_outbox ADD COLUMN cause_depth integer NOT NULL DEFAULT 0;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000032', '00000000000013');

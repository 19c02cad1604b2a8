-- When functions run by themselves. The moment of the next run is that of the schedule's timer; each moment has one run.
CREATE TABLE task_management_functionschedule (
    id uuid NOT NULL PRIMARY KEY,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL CHECK (version >= 1),
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL REFERENCES core_user (id),
    user_updated uuid NOT NULL REFERENCES core_user (id),
    function_id uuid NOT NULL REFERENCES task_management_taskfunction (id),
    function_name text COLLATE "C" NOT NULL,
    data jsonb NOT NULL,
    priority bigint,
    date_start timestamp,
    interval_seconds integer CONSTRAINT task_management_functionschedule_interval CHECK (interval_seconds >= 1),
    cron text COLLATE "C",
    time_zone text COLLATE "C",
    catch_up text COLLATE "C" NOT NULL CHECK (catch_up IN ('SKIP', 'ONCE')),
    is_enabled boolean NOT NULL,
    CONSTRAINT task_management_functionschedule_rhythm CHECK ((interval_seconds IS NULL) = (cron IS NOT NULL)),
    CONSTRAINT task_management_functionschedule_zone CHECK ((cron IS NULL) = (time_zone IS NULL))
);
CREATE INDEX task_management_functionschedule_function
    ON task_management_functionschedule (function_id) WHERE NOT is_deleted;

CREATE TABLE task_management_historicalfunctionschedule (
    id uuid NOT NULL,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL,
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL,
    user_updated uuid NOT NULL,
    function_id uuid NOT NULL,
    function_name text COLLATE "C" NOT NULL,
    data jsonb NOT NULL,
    priority bigint,
    date_start timestamp,
    interval_seconds integer,
    cron text COLLATE "C",
    time_zone text COLLATE "C",
    catch_up text COLLATE "C" NOT NULL,
    is_enabled boolean NOT NULL,
    history_id bigserial PRIMARY KEY,
    history_date timestamp NOT NULL,
    history_type text COLLATE "C" NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user uuid REFERENCES core_user (id),
    history_change_reason text COLLATE "C"
);
CREATE UNIQUE INDEX task_management_historicalfunctionschedule_version
    ON task_management_historicalfunctionschedule (id, version) WHERE history_user IS NOT NULL;
CREATE INDEX task_management_historicalfunctionschedule_row ON task_management_historicalfunctionschedule (id);

ALTER TABLE task_management_functionrun ADD COLUMN schedule_id uuid;
ALTER TABLE task_management_functionrun ADD COLUMN date_scheduled timestamp;
CREATE UNIQUE INDEX task_management_functionrun_moment
    ON task_management_functionrun (schedule_id, date_scheduled) WHERE date_scheduled IS NOT NULL;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000033', '00000000000013');

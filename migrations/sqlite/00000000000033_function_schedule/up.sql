-- When functions run by themselves. The moment of the next run is that of the schedule's timer; each moment has one run.
CREATE TABLE task_management_functionschedule (
    id text NOT NULL PRIMARY KEY,
    is_deleted boolean NOT NULL,
    json_ext text,
    version integer NOT NULL CHECK (version >= 1),
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created text NOT NULL REFERENCES core_user (id),
    user_updated text NOT NULL REFERENCES core_user (id),
    function_id text NOT NULL REFERENCES task_management_taskfunction (id),
    function_name text NOT NULL,
    data text NOT NULL,
    priority bigint,
    date_start timestamp,
    interval_seconds integer CONSTRAINT task_management_functionschedule_interval CHECK (interval_seconds >= 1),
    cron text,
    time_zone text,
    catch_up text NOT NULL CHECK (catch_up IN ('SKIP', 'ONCE')),
    is_enabled boolean NOT NULL,
    CONSTRAINT task_management_functionschedule_rhythm CHECK ((interval_seconds IS NULL) = (cron IS NOT NULL)),
    CONSTRAINT task_management_functionschedule_zone CHECK ((cron IS NULL) = (time_zone IS NULL))
);
CREATE INDEX task_management_functionschedule_function
    ON task_management_functionschedule (function_id) WHERE NOT is_deleted;

CREATE TABLE task_management_historicalfunctionschedule (
    id text NOT NULL,
    is_deleted boolean NOT NULL,
    json_ext text,
    version integer NOT NULL,
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created text NOT NULL,
    user_updated text NOT NULL,
    function_id text NOT NULL,
    function_name text NOT NULL,
    data text NOT NULL,
    priority bigint,
    date_start timestamp,
    interval_seconds integer,
    cron text,
    time_zone text,
    catch_up text NOT NULL,
    is_enabled boolean NOT NULL,
    history_id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    history_date timestamp NOT NULL,
    history_type text NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user text REFERENCES core_user (id),
    history_change_reason text
);
CREATE UNIQUE INDEX task_management_historicalfunctionschedule_version
    ON task_management_historicalfunctionschedule (id, version) WHERE history_user IS NOT NULL;
CREATE INDEX task_management_historicalfunctionschedule_row ON task_management_historicalfunctionschedule (id);

ALTER TABLE task_management_functionrun ADD COLUMN schedule_id text;
ALTER TABLE task_management_functionrun ADD COLUMN date_scheduled timestamp;
CREATE UNIQUE INDEX task_management_functionrun_moment
    ON task_management_functionrun (schedule_id, date_scheduled) WHERE date_scheduled IS NOT NULL;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000033', '00000000000013');

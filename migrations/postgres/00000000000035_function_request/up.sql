-- Requests that functions answer at once: one row for each call, added before it is made. A row without a status is of a call that is
-- under way, or whose process has died meanwhile.
CREATE TABLE task_management_functionrequest (
    id uuid NOT NULL PRIMARY KEY,
    function_id uuid NOT NULL REFERENCES task_management_taskfunction (id),
    function_name text COLLATE "C" NOT NULL,
    method text COLLATE "C" NOT NULL,
    path text COLLATE "C" NOT NULL,
    user_created uuid REFERENCES core_user (id),
    date_created timestamp NOT NULL,
    status_code integer CONSTRAINT task_management_functionrequest_status_code CHECK (status_code BETWEEN 200 AND 599),
    duration_ms bigint CONSTRAINT task_management_functionrequest_duration CHECK (duration_ms >= 0),
    error_name text COLLATE "C",
    error_message text COLLATE "C",
    error_type text COLLATE "C" CHECK (error_type IN ('INVOCATION', 'RUNTIME', 'RESPONSE')),
    CONSTRAINT task_management_functionrequest_ended CHECK ((status_code IS NULL) = (duration_ms IS NULL)),
    CONSTRAINT task_management_functionrequest_error CHECK ((error_name IS NULL) = (error_type IS NULL))
);
CREATE INDEX task_management_functionrequest_function ON task_management_functionrequest (function_name, id);
CREATE INDEX task_management_functionrequest_date ON task_management_functionrequest (date_created);
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000035', '00000000000013');

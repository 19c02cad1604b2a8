-- Receivers in any language are told of events by HTTP, and every attempt to tell them is kept for a while.

CREATE TABLE task_management_webhookendpoint (
    id uuid NOT NULL PRIMARY KEY,
    is_deleted boolean NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    -- Nobody, where the configuration says it.
    user_created uuid REFERENCES core_user (id),
    user_updated uuid REFERENCES core_user (id),
    name text COLLATE "C" NOT NULL,
    url text COLLATE "C" NOT NULL,
    events jsonb NOT NULL,
    is_active boolean NOT NULL,
    is_configured boolean NOT NULL,
    disabled_reason text COLLATE "C",
    date_disabled timestamp,
    failing_since timestamp,
    secrets jsonb NOT NULL,
    CONSTRAINT task_management_webhookendpoint_disabled
        CHECK ((disabled_reason IS NULL) = (date_disabled IS NULL) AND (date_disabled IS NULL OR NOT is_active))
);
CREATE UNIQUE INDEX task_management_webhookendpoint_name_live ON task_management_webhookendpoint (name)
    WHERE NOT is_deleted;

CREATE TABLE task_management_webhookattempt (
    id bigserial PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES task_management_webhookendpoint (id),
    event_id uuid NOT NULL,
    delivery_id bigint NOT NULL,
    attempt integer NOT NULL CHECK (attempt >= 1),
    signal text COLLATE "C" NOT NULL,
    entity_id uuid NOT NULL,
    date timestamp NOT NULL,
    duration_ms bigint NOT NULL CHECK (duration_ms >= 0),
    status_code integer,
    error text COLLATE "C",
    response text COLLATE "C"
);
CREATE INDEX task_management_webhookattempt_endpoint ON task_management_webhookattempt (endpoint_id, id);
CREATE INDEX task_management_webhookattempt_event ON task_management_webhookattempt (event_id);
CREATE INDEX task_management_webhookattempt_entity ON task_management_webhookattempt (entity_id, id);
CREATE INDEX task_management_webhookattempt_date ON task_management_webhookattempt (date);

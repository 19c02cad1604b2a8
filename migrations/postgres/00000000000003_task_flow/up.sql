-- Groups may count percent of the pool or weights beside people. To clients of openIMIS all three are `N`, so the policy
-- stays `N` and the kind says what the threshold counts.
ALTER TABLE task_management_taskgroup
    ADD COLUMN threshold_kind text COLLATE "C" NOT NULL DEFAULT 'COUNT',
    ADD COLUMN forbid_maker boolean,
    ADD COLUMN distinct_deciders boolean,
    ADD CONSTRAINT task_management_taskgroup_threshold_kind CHECK (threshold_kind IN ('COUNT', 'PERCENT', 'WEIGHT')),
    ADD CONSTRAINT task_management_taskgroup_threshold_counted
        CHECK (threshold_kind = 'COUNT' OR (completion_policy = 'N' AND threshold IS NOT NULL)),
    ADD CONSTRAINT task_management_taskgroup_threshold_percent CHECK (threshold_kind <> 'PERCENT' OR threshold <= 100);
ALTER TABLE task_management_historicaltaskgroup
    ADD COLUMN threshold_kind text COLLATE "C" NOT NULL DEFAULT 'COUNT',
    ADD COLUMN forbid_maker boolean,
    ADD COLUMN distinct_deciders boolean;

ALTER TABLE task_management_taskexecutor
    ADD COLUMN weight integer NOT NULL DEFAULT 1,
    ADD CONSTRAINT task_management_taskexecutor_weight CHECK (weight BETWEEN 1 AND 1000000);
ALTER TABLE task_management_historicaltaskexecutor ADD COLUMN weight integer NOT NULL DEFAULT 1;

-- A version that is superseded names its successor before that is there: else there were two heads for a moment.
CREATE TABLE task_management_taskflow (
    id uuid NOT NULL PRIMARY KEY,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL CHECK (version >= 1),
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL REFERENCES core_user (id),
    user_updated uuid NOT NULL REFERENCES core_user (id),
    code text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    lineage_id uuid NOT NULL REFERENCES task_management_taskflow (id),
    replacement_uuid uuid REFERENCES task_management_taskflow (id) DEFERRABLE INITIALLY DEFERRED,
    date_valid_from timestamp NOT NULL,
    date_valid_to timestamp,
    CONSTRAINT task_management_taskflow_not_by_itself CHECK (replacement_uuid <> id),
    CONSTRAINT task_management_taskflow_superseded CHECK (replacement_uuid IS NULL OR date_valid_to IS NOT NULL),
    CONSTRAINT task_management_taskflow_head
        CHECK (date_valid_to IS NULL OR replacement_uuid IS NOT NULL OR is_deleted)
);
CREATE UNIQUE INDEX task_management_taskflow_code_live ON task_management_taskflow (code)
    WHERE NOT is_deleted AND replacement_uuid IS NULL;
CREATE UNIQUE INDEX task_management_taskflow_one_head ON task_management_taskflow (lineage_id)
    WHERE NOT is_deleted AND replacement_uuid IS NULL;
CREATE UNIQUE INDEX task_management_taskflow_replacement ON task_management_taskflow (replacement_uuid);
CREATE INDEX task_management_taskflow_lineage ON task_management_taskflow (lineage_id);

CREATE TABLE task_management_historicaltaskflow (
    id uuid NOT NULL,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL,
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL,
    user_updated uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    lineage_id uuid NOT NULL,
    replacement_uuid uuid,
    date_valid_from timestamp NOT NULL,
    date_valid_to timestamp,
    history_id bigserial PRIMARY KEY,
    history_date timestamp NOT NULL,
    history_type text COLLATE "C" NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user uuid REFERENCES core_user (id),
    history_change_reason text COLLATE "C"
);
-- Rows that were loaded have no writer, and may tell of a version twice.
CREATE UNIQUE INDEX task_management_historicaltaskflow_version
    ON task_management_historicaltaskflow (id, version) WHERE history_user IS NOT NULL;
CREATE INDEX task_management_historicaltaskflow_row ON task_management_historicaltaskflow (id);

CREATE TABLE task_management_taskflowstep (
    id uuid NOT NULL PRIMARY KEY,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL CHECK (version >= 1),
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL REFERENCES core_user (id),
    user_updated uuid NOT NULL REFERENCES core_user (id),
    task_flow_id uuid NOT NULL REFERENCES task_management_taskflow (id),
    step_order integer NOT NULL CHECK (step_order >= 1),
    task_group_id uuid NOT NULL REFERENCES task_management_taskgroup (id),
    completion_policy text COLLATE "C" CHECK (completion_policy IN ('ALL', 'ANY', 'N', 'PERCENT', 'WEIGHT')),
    threshold integer CHECK (threshold >= 1),
    forbid_maker boolean,
    distinct_deciders boolean,
    CONSTRAINT task_management_taskflowstep_threshold
        CHECK (threshold IS NULL OR completion_policy NOT IN ('ALL', 'ANY')),
    CONSTRAINT task_management_taskflowstep_percent CHECK (completion_policy <> 'PERCENT' OR threshold <= 100)
);
CREATE UNIQUE INDEX task_management_taskflowstep_group_once
    ON task_management_taskflowstep (task_flow_id, task_group_id) WHERE NOT is_deleted;
CREATE INDEX task_management_taskflowstep_order ON task_management_taskflowstep (task_flow_id, step_order, id);
CREATE INDEX task_management_taskflowstep_group ON task_management_taskflowstep (task_group_id) WHERE NOT is_deleted;

CREATE TABLE task_management_historicaltaskflowstep (
    id uuid NOT NULL,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL,
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL,
    user_updated uuid NOT NULL,
    task_flow_id uuid NOT NULL,
    step_order integer NOT NULL,
    task_group_id uuid NOT NULL,
    completion_policy text COLLATE "C",
    threshold integer,
    forbid_maker boolean,
    distinct_deciders boolean,
    history_id bigserial PRIMARY KEY,
    history_date timestamp NOT NULL,
    history_type text COLLATE "C" NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user uuid REFERENCES core_user (id),
    history_change_reason text COLLATE "C"
);
-- Rows that were loaded have no writer, and may tell of a version twice.
CREATE UNIQUE INDEX task_management_historicaltaskflowstep_version
    ON task_management_historicaltaskflowstep (id, version) WHERE history_user IS NOT NULL;
CREATE INDEX task_management_historicaltaskflowstep_row ON task_management_historicaltaskflowstep (id);

ALTER TABLE task_management_task
    ADD COLUMN flow_id uuid REFERENCES task_management_taskflow (id),
    ADD COLUMN current_step_id uuid REFERENCES task_management_taskflowstep (id),
    ADD COLUMN data_user uuid REFERENCES core_user (id),
    ADD CONSTRAINT task_management_task_flow_and_step CHECK ((flow_id IS NULL) = (current_step_id IS NULL));
CREATE INDEX task_management_task_flow ON task_management_task (flow_id) WHERE flow_id IS NOT NULL;
ALTER TABLE task_management_historicaltask
    ADD COLUMN flow_id uuid,
    ADD COLUMN current_step_id uuid,
    ADD COLUMN data_user uuid;

CREATE TABLE task_management_taskpool (
    task_id uuid NOT NULL REFERENCES task_management_task (id),
    step_id uuid NOT NULL REFERENCES task_management_taskflowstep (id),
    task_group_id uuid NOT NULL REFERENCES task_management_taskgroup (id),
    date_opened timestamp NOT NULL,
    date_passed timestamp,
    PRIMARY KEY (task_id, step_id)
);
CREATE INDEX task_management_taskpool_active
    ON task_management_taskpool (task_group_id, task_id) WHERE date_passed IS NULL;

ALTER TABLE task_management_taskdecision
    ADD COLUMN comment text COLLATE "C",
    ADD COLUMN weight integer NOT NULL DEFAULT 1,
    ADD COLUMN data_hash text COLLATE "C",
    ADD COLUMN is_stale boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT task_management_taskdecision_weight CHECK (weight >= 0);
ALTER TABLE task_management_historicaltaskdecision
    ADD COLUMN comment text COLLATE "C",
    ADD COLUMN weight integer NOT NULL DEFAULT 1,
    ADD COLUMN data_hash text COLLATE "C",
    ADD COLUMN is_stale boolean NOT NULL DEFAULT false;
-- Who has voted on what has changed since may vote anew.
DROP INDEX task_management_taskdecision_one_live;
CREATE UNIQUE INDEX task_management_taskdecision_one_live ON task_management_taskdecision (
    task_id,
    COALESCE(step_id, '00000000-0000-0000-0000-000000000000'::uuid),
    user_id,
    COALESCE(record_id, '')
) WHERE NOT is_deleted AND NOT is_stale;
CREATE INDEX task_management_taskdecision_task ON task_management_taskdecision (task_id, id);
CREATE INDEX task_management_taskdecision_user ON task_management_taskdecision (user_id, id);

-- A source is bound to a group or to the head of a flow.
ALTER TABLE task_management_tasksource
    ALTER COLUMN task_group_id DROP NOT NULL,
    ADD COLUMN task_flow_id uuid REFERENCES task_management_taskflow (id),
    ADD CONSTRAINT task_management_tasksource_one_claimant
        CHECK ((task_group_id IS NULL) <> (task_flow_id IS NULL));
CREATE INDEX task_management_tasksource_flow ON task_management_tasksource (task_flow_id);

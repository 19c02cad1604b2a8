CREATE TABLE task_management_tasksource_before AS
    SELECT source, task_group_id FROM task_management_tasksource WHERE task_group_id IS NOT NULL;
DROP TABLE task_management_tasksource;
CREATE TABLE task_management_tasksource (
    source text NOT NULL PRIMARY KEY,
    task_group_id text NOT NULL REFERENCES task_management_taskgroup (id)
);
INSERT INTO task_management_tasksource (source, task_group_id)
    SELECT source, task_group_id FROM task_management_tasksource_before;
DROP TABLE task_management_tasksource_before;
CREATE INDEX task_management_tasksource_group ON task_management_tasksource (task_group_id);

-- There are no stale votes without the column, and without flows the group of an open task would count votes that were
-- cast at other steps: neither may decide anything, so they are taken for replaced, in their newest version too.
UPDATE task_management_taskdecision SET is_deleted = true
    WHERE NOT is_deleted AND (is_stale OR EXISTS (
        SELECT 1 FROM task_management_task AS task
        WHERE task.id = task_management_taskdecision.task_id AND task.status IN ('RECEIVED', 'ACCEPTED')
            AND task.current_step_id <> task_management_taskdecision.step_id
    ));
UPDATE task_management_historicaltaskdecision SET is_deleted = true
    WHERE (id, version) IN (SELECT id, version FROM task_management_taskdecision WHERE is_deleted);
DROP INDEX task_management_taskdecision_user;
DROP INDEX task_management_taskdecision_task;
DROP INDEX task_management_taskdecision_one_live;
CREATE UNIQUE INDEX task_management_taskdecision_one_live ON task_management_taskdecision (
    task_id,
    COALESCE(step_id, ''),
    user_id,
    COALESCE(record_id, '')
) WHERE NOT is_deleted;
ALTER TABLE task_management_historicaltaskdecision DROP COLUMN comment;
ALTER TABLE task_management_historicaltaskdecision DROP COLUMN weight;
ALTER TABLE task_management_historicaltaskdecision DROP COLUMN data_hash;
ALTER TABLE task_management_historicaltaskdecision DROP COLUMN is_stale;
ALTER TABLE task_management_taskdecision DROP COLUMN comment;
ALTER TABLE task_management_taskdecision DROP COLUMN weight;
ALTER TABLE task_management_taskdecision DROP COLUMN data_hash;
ALTER TABLE task_management_taskdecision DROP COLUMN is_stale;

-- Tasks under way in a flow go on as tasks of the group at which they are.
DROP TABLE task_management_taskpool;
ALTER TABLE task_management_historicaltask DROP COLUMN flow_id;
ALTER TABLE task_management_historicaltask DROP COLUMN data_user;
ALTER TABLE task_management_historicaltask DROP COLUMN current_step_id;
DROP INDEX task_management_task_flow;
ALTER TABLE task_management_task DROP COLUMN data_user;
ALTER TABLE task_management_task DROP COLUMN current_step_id;
ALTER TABLE task_management_task DROP COLUMN flow_id;
DROP TABLE task_management_historicaltaskflowstep;
DROP TABLE task_management_taskflowstep;
DROP TABLE task_management_historicaltaskflow;
DROP TABLE task_management_taskflow;

ALTER TABLE task_management_historicaltaskexecutor DROP COLUMN weight;
ALTER TABLE task_management_taskexecutor DROP COLUMN weight;

-- What was percent or weight is a number of people now. That asks for more approvals, not for fewer (percent: in groups
-- of up to a hundred); a number that a group does not reach holds its tasks until somebody corrects the group.
ALTER TABLE task_management_historicaltaskgroup DROP COLUMN threshold_kind;
ALTER TABLE task_management_historicaltaskgroup DROP COLUMN forbid_maker;
ALTER TABLE task_management_historicaltaskgroup DROP COLUMN distinct_deciders;
ALTER TABLE task_management_taskgroup DROP COLUMN threshold_kind;
ALTER TABLE task_management_taskgroup DROP COLUMN forbid_maker;
ALTER TABLE task_management_taskgroup DROP COLUMN distinct_deciders;

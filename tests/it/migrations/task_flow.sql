-- Rows of every kind that approval flows brought, for both databases: see ../migrations.rs.
INSERT INTO core_user
    (id, interactive_user_id, username, password, last_name, other_names, language, is_active, version, date_created,
     date_updated)
VALUES
    ('00000000-0000-0000-0000-0000000000a1', 1, 'ada', '', '', '', 'en', true, 1, '2026-01-01 00:00:00',
     '2026-01-01 00:00:00'),
    ('00000000-0000-0000-0000-0000000000a2', 2, 'ben', '', '', '', 'en', true, 1, '2026-01-01 00:00:00',
     '2026-01-01 00:00:00');

INSERT INTO task_management_taskgroup
    (id, is_deleted, version, date_created, date_updated, user_created, user_updated, code, completion_policy, threshold,
     threshold_kind, forbid_maker, distinct_deciders)
VALUES
    ('00000000-0000-0000-0000-0000000000b1', false, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00',
     '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000a1', 'half', 'N', 50, 'PERCENT', true,
     NULL),
    ('00000000-0000-0000-0000-0000000000b2', false, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00',
     '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000a1', 'heavy', 'N', 7, 'WEIGHT', NULL,
     false);
INSERT INTO task_management_historicaltaskgroup
    (id, is_deleted, version, date_created, date_updated, user_created, user_updated, code, completion_policy, threshold,
     threshold_kind, forbid_maker, distinct_deciders, history_date, history_type)
SELECT id, is_deleted, version, date_created, date_updated, user_created, user_updated, code, completion_policy, threshold,
    threshold_kind, forbid_maker, distinct_deciders, date_updated, '+'
FROM task_management_taskgroup;

INSERT INTO task_management_taskexecutor
    (id, is_deleted, version, date_created, date_updated, user_created, user_updated, task_group_id, user_id, weight)
VALUES
    ('00000000-0000-0000-0000-0000000000c1', false, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00',
     '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000a1',
     '00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-0000000000a2', 1000000);
INSERT INTO task_management_historicaltaskexecutor
    (id, is_deleted, version, date_created, date_updated, user_created, user_updated, task_group_id, user_id, weight,
     history_date, history_type)
SELECT id, is_deleted, version, date_created, date_updated, user_created, user_updated, task_group_id, user_id, weight,
    date_updated, '+'
FROM task_management_taskexecutor;

-- The first version of the flow is superseded by the second.
INSERT INTO task_management_taskflow
    (id, is_deleted, version, date_created, date_updated, user_created, user_updated, code, name, lineage_id,
     replacement_uuid, date_valid_from, date_valid_to)
VALUES
    ('00000000-0000-0000-0000-0000000000d1', false, 2, '2026-01-01 00:00:00', '2026-01-02 00:00:00',
     '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000a1', 'payments', 'Payments',
     '00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-0000000000d2', '2026-01-01 00:00:00',
     '2026-01-02 00:00:00'),
    ('00000000-0000-0000-0000-0000000000d2', false, 3, '2026-01-02 00:00:00', '2026-01-02 00:00:00',
     '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000a1', 'payments', 'Payments',
     '00000000-0000-0000-0000-0000000000d1', NULL, '2026-01-02 00:00:00', NULL);
INSERT INTO task_management_historicaltaskflow
    (id, is_deleted, version, date_created, date_updated, user_created, user_updated, code, name, lineage_id,
     replacement_uuid, date_valid_from, date_valid_to, history_date, history_type)
SELECT id, is_deleted, version, date_created, date_updated, user_created, user_updated, code, name, lineage_id,
    replacement_uuid, date_valid_from, date_valid_to, date_updated, '+'
FROM task_management_taskflow;

INSERT INTO task_management_taskflowstep
    (id, is_deleted, version, date_created, date_updated, user_created, user_updated, task_flow_id, step_order,
     task_group_id, completion_policy, threshold, forbid_maker, distinct_deciders)
VALUES
    ('00000000-0000-0000-0000-0000000000e1', false, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00',
     '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000a1',
     '00000000-0000-0000-0000-0000000000d1', 1, '00000000-0000-0000-0000-0000000000b1', 'PERCENT', 100, true, true),
    ('00000000-0000-0000-0000-0000000000e2', false, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00',
     '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000a1',
     '00000000-0000-0000-0000-0000000000d1', 2, '00000000-0000-0000-0000-0000000000b2', NULL, 3, NULL, NULL),
    ('00000000-0000-0000-0000-0000000000e3', false, 1, '2026-01-02 00:00:00', '2026-01-02 00:00:00',
     '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000a1',
     '00000000-0000-0000-0000-0000000000d2', 1, '00000000-0000-0000-0000-0000000000b1', 'ANY', NULL, NULL, NULL);
INSERT INTO task_management_historicaltaskflowstep
    (id, is_deleted, version, date_created, date_updated, user_created, user_updated, task_flow_id, step_order,
     task_group_id, completion_policy, threshold, forbid_maker, distinct_deciders, history_date, history_type)
SELECT id, is_deleted, version, date_created, date_updated, user_created, user_updated, task_flow_id, step_order,
    task_group_id, completion_policy, threshold, forbid_maker, distinct_deciders, date_updated, '+'
FROM task_management_taskflowstep;

INSERT INTO task_management_tasksource (source, task_group_id, task_flow_id)
VALUES
    ('of the group', '00000000-0000-0000-0000-0000000000b1', NULL),
    ('of the flow', NULL, '00000000-0000-0000-0000-0000000000d2');

-- A task at the second step of the superseded version, and one in no flow.
INSERT INTO task_management_task
    (id, is_deleted, version, date_created, date_updated, user_created, user_updated, status, business_status,
     task_group_id, data, flow_id, current_step_id)
VALUES
    ('00000000-0000-0000-0000-0000000000f1', false, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00',
     '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000a1', 'ACCEPTED', '{}',
     '00000000-0000-0000-0000-0000000000b2', '{}', '00000000-0000-0000-0000-0000000000d1',
     '00000000-0000-0000-0000-0000000000e2'),
    ('00000000-0000-0000-0000-0000000000f2', false, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00',
     '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000a1', 'ACCEPTED', '{}',
     '00000000-0000-0000-0000-0000000000b2', '{}', NULL, NULL);
INSERT INTO task_management_historicaltask
    (id, is_deleted, version, date_created, date_updated, user_created, user_updated, status, business_status,
     task_group_id, data, flow_id, current_step_id, history_date, history_type)
SELECT id, is_deleted, version, date_created, date_updated, user_created, user_updated, status, business_status,
    task_group_id, data, flow_id, current_step_id, date_updated, '+'
FROM task_management_task;

INSERT INTO task_management_taskpool (task_id, step_id, task_group_id, date_opened, date_passed)
VALUES
    ('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e1',
     '00000000-0000-0000-0000-0000000000b1', '2026-01-01 00:00:00', '2026-01-02 00:00:00'),
    ('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e2',
     '00000000-0000-0000-0000-0000000000b2', '2026-01-02 00:00:00', NULL);

-- In the flow: a vote at the step that the task has left, one at the step where it is. In no flow: two that are stale and
-- the one that was cast after them.
INSERT INTO task_management_taskdecision
    (id, is_deleted, version, date_created, date_updated, user_created, user_updated, task_id, step_id, user_id, verdict,
     comment, weight, data_hash, is_stale)
VALUES
    ('00000000-0000-0000-0000-000000000011', false, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00',
     '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000a1',
     '00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e1',
     '00000000-0000-0000-0000-0000000000a1', 'APPROVED', 'fine', 1, 'ab', false),
    ('00000000-0000-0000-0000-000000000012', false, 1, '2026-01-02 00:00:00', '2026-01-02 00:00:00',
     '00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-0000000000a2',
     '00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e2',
     '00000000-0000-0000-0000-0000000000a2', 'APPROVED', NULL, 3, 'ab', false),
    ('00000000-0000-0000-0000-000000000013', false, 2, '2026-01-01 00:00:00', '2026-01-02 00:00:00',
     '00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-0000000000a2',
     '00000000-0000-0000-0000-0000000000f2', NULL, '00000000-0000-0000-0000-0000000000a2', 'FAILED', 'as it was', 1, 'cd',
     true),
    ('00000000-0000-0000-0000-000000000014', false, 2, '2026-01-02 00:00:00', '2026-01-03 00:00:00',
     '00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-0000000000a2',
     '00000000-0000-0000-0000-0000000000f2', NULL, '00000000-0000-0000-0000-0000000000a2', 'FAILED', 'still not', 1, 'cd',
     true),
    ('00000000-0000-0000-0000-000000000015', false, 1, '2026-01-03 00:00:00', '2026-01-03 00:00:00',
     '00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-0000000000a2',
     '00000000-0000-0000-0000-0000000000f2', NULL, '00000000-0000-0000-0000-0000000000a2', 'APPROVED', 'as it is now', 1,
     'ef', false);
INSERT INTO task_management_historicaltaskdecision
    (id, is_deleted, version, date_created, date_updated, user_created, user_updated, task_id, step_id, user_id, verdict,
     comment, weight, data_hash, is_stale, history_date, history_type)
SELECT id, is_deleted, version, date_created, date_updated, user_created, user_updated, task_id, step_id, user_id, verdict,
    comment, weight, data_hash, is_stale, date_updated, '+'
FROM task_management_taskdecision;

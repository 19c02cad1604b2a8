-- Orders that people ask for by a click on a column and that had to read every task: a page now costs the rows it shows.
-- Every write of a task pays for each index, so other orders go without; they cost the same on every page.
CREATE INDEX task_management_task_status_id ON task_management_task (status, id) WHERE NOT is_deleted;
CREATE INDEX task_management_task_entity_string
    ON task_management_task (entity_string, id) WHERE NOT is_deleted;
-- Tasks by the code of their group: the groups in this order, deleted ones too, and the tasks of each by
-- task_management_task_group. Groups are few and seldom written.
CREATE INDEX task_management_taskgroup_code ON task_management_taskgroup (code);

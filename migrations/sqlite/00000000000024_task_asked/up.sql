-- What a group is asked about at present, in the order of lists: there is little of it beside what the group has decided.
CREATE INDEX task_management_task_asked ON task_management_task (task_group_id, date_created, id)
    WHERE NOT is_deleted AND status = 'ACCEPTED';
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000024', '00000000000013');

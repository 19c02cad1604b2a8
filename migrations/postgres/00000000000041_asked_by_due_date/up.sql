-- What a group is asked about at present, in the order in which it is due: so people read what waits for them. Of a million tasks with
-- 60,000 that wait for a person, a page took 400 ms on SQLite and takes 7.
CREATE INDEX task_management_task_due ON task_management_task (task_group_id, due_date, id)
    WHERE NOT is_deleted AND status = 'ACCEPTED';
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000041', '00000000000013');

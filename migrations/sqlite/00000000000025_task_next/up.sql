-- What a group is asked about at present, in the order in which people take the next task: the most urgent first, then what is due
-- first, then the oldest. SQLite reads no index in an order that puts absent values last, so that they are absent is a key too.
CREATE INDEX task_management_task_next
    ON task_management_task (task_group_id, priority DESC, (due_date IS NULL), due_date, date_created, id)
    WHERE NOT is_deleted AND status = 'ACCEPTED';
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000025', '00000000000013');

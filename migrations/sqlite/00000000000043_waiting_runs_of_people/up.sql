-- The runs for which one person has asked and that wait, which are counted before one more is added.
CREATE INDEX task_management_functionrun_waiting_user ON task_management_functionrun (user_created)
    WHERE status = 'NEW' AND triggered_by = 'DIRECT';
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000043', '00000000000013');

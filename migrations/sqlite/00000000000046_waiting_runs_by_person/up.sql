-- The runs that wait for each person, the most urgent first: people take turns.
CREATE INDEX task_management_functionrun_waiting_person
    ON task_management_functionrun (user_created, priority DESC, date_start, id) WHERE status = 'NEW';
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000046', '00000000000013');

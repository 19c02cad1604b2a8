-- Of a mutation that was refused, the journal keeps no more of the input than is needed to know it again.
ALTER TABLE core_mutationlog ADD COLUMN content_hash text COLLATE "C";
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000014', '00000000000013');

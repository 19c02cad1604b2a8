-- Functions in JavaScript: their source, and how many megabytes of memory their runs may take.
ALTER TABLE task_management_taskfunction ADD COLUMN source text;
ALTER TABLE task_management_taskfunction ADD COLUMN memory_limit integer
    CONSTRAINT task_management_taskfunction_memory_limit CHECK (memory_limit BETWEEN 16 AND 1024);
ALTER TABLE task_management_historicaltaskfunction ADD COLUMN source text;
ALTER TABLE task_management_historicaltaskfunction ADD COLUMN memory_limit integer;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000038', '00000000000013');

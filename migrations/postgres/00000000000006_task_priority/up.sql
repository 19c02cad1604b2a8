-- How urgent a task is. Processes that do not know the column yet go on writing: it has a default in the twin too.

ALTER TABLE task_management_task ADD COLUMN priority integer NOT NULL DEFAULT 50
    CONSTRAINT task_management_task_priority CHECK (priority BETWEEN 0 AND 100);
ALTER TABLE task_management_historicaltask ADD COLUMN priority integer NOT NULL DEFAULT 50;

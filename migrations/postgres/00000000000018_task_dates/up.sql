-- When a task is due, when to look at it again, since when its present group or steps are asked, and whether the date on which it
-- is due came from a lead time. Processes that do not know the columns yet go on writing: they are empty or have a default, in the
-- twins too.
ALTER TABLE task_management_task ADD COLUMN due_date timestamp;
ALTER TABLE task_management_task ADD COLUMN follow_up_date timestamp;
ALTER TABLE task_management_task ADD COLUMN date_opened timestamp;
ALTER TABLE task_management_task ADD COLUMN due_by_lead_time boolean NOT NULL DEFAULT false;
ALTER TABLE task_management_historicaltask ADD COLUMN due_date timestamp;
ALTER TABLE task_management_historicaltask ADD COLUMN follow_up_date timestamp;
ALTER TABLE task_management_historicaltask ADD COLUMN date_opened timestamp;
ALTER TABLE task_management_historicaltask ADD COLUMN due_by_lead_time boolean NOT NULL DEFAULT false;
-- Lists sorted by the date, and lists of what is overdue. Only tasks that have a date pay for them.
CREATE INDEX task_management_task_due_date
    ON task_management_task (due_date, id) WHERE NOT is_deleted AND due_date IS NOT NULL;
CREATE INDEX task_management_task_open_due_date ON task_management_task (due_date, id)
    WHERE NOT is_deleted AND status IN ('RECEIVED', 'ACCEPTED') AND due_date IS NOT NULL;

-- Within how many seconds a group, or a step, is to decide: at most ten years.
ALTER TABLE task_management_taskgroup ADD COLUMN lead_time_seconds integer
    CONSTRAINT task_management_taskgroup_lead_time CHECK (lead_time_seconds BETWEEN 1 AND 315360000);
ALTER TABLE task_management_historicaltaskgroup ADD COLUMN lead_time_seconds integer;
ALTER TABLE task_management_taskflowstep ADD COLUMN lead_time_seconds integer
    CONSTRAINT task_management_taskflowstep_lead_time CHECK (lead_time_seconds BETWEEN 1 AND 315360000);
ALTER TABLE task_management_historicaltaskflowstep ADD COLUMN lead_time_seconds integer;
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000018', '00000000000013');

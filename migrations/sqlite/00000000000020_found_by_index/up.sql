-- What executors are asked about is found by an index in the usual orders of a list: the tasks of a group, and the tasks at a
-- step of it. A pool says when its task was created, and whether the task is assigned to the pool's group as well, as it is
-- at the first of its present steps: such a task is found by its group. Triggers keep that true, whoever writes.
CREATE INDEX task_management_task_group_id ON task_management_task (task_group_id, id) WHERE NOT is_deleted;

ALTER TABLE task_management_taskpool ADD COLUMN task_date_created timestamp NOT NULL DEFAULT '0001-01-01';
ALTER TABLE task_management_taskpool ADD COLUMN is_given boolean NOT NULL DEFAULT 0;

CREATE TRIGGER task_management_taskpool_of_task AFTER INSERT ON task_management_taskpool BEGIN
    UPDATE task_management_taskpool
        SET (task_date_created, is_given) = (
            SELECT date_created, task_group_id IS NEW.task_group_id FROM task_management_task WHERE id = NEW.task_id)
        WHERE task_id = NEW.task_id AND step_id = NEW.step_id
        AND EXISTS (SELECT 1 FROM task_management_task WHERE id = NEW.task_id);
END;
CREATE TRIGGER task_management_taskpool_follow AFTER UPDATE OF date_created, task_group_id ON task_management_task
    WHEN OLD.date_created <> NEW.date_created OR OLD.task_group_id IS NOT NEW.task_group_id
BEGIN
    UPDATE task_management_taskpool
        SET task_date_created = NEW.date_created, is_given = task_group_id IS NEW.task_group_id
        WHERE task_id = NEW.id;
END;

UPDATE task_management_taskpool
    SET (task_date_created, is_given) = (
        SELECT task.date_created, task.task_group_id IS task_management_taskpool.task_group_id
        FROM task_management_task AS task WHERE task.id = task_management_taskpool.task_id);

CREATE INDEX task_management_taskpool_asked ON task_management_taskpool (task_group_id, task_id)
    WHERE date_passed IS NULL AND NOT is_given;
CREATE INDEX task_management_taskpool_asked_created ON task_management_taskpool (task_group_id, task_date_created, task_id)
    WHERE date_passed IS NULL AND NOT is_given;

-- What a maker has made is found in the same orders.
CREATE INDEX task_management_task_maker_created ON task_management_task (user_created, date_created, id) WHERE NOT is_deleted;
-- Deliveries that are due. Workers look often, and many may wait for another try.
CREATE INDEX task_management_outbox_due ON task_management_outbox (handler, date_due, id) WHERE status = 'PENDING';

INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000020', '00000000000013');

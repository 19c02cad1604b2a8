-- What executors are asked about is found by an index in the usual orders of a list: the tasks of a group, and the tasks at a
-- step of it. A pool says when its task was created, and whether the task is assigned to the pool's group as well, as it is
-- at the first of its present steps: such a task is found by its group. Triggers keep that true, whoever writes.
CREATE INDEX task_management_task_group_id ON task_management_task (task_group_id, id) WHERE NOT is_deleted;

ALTER TABLE task_management_taskpool
    ADD COLUMN task_date_created timestamp NOT NULL DEFAULT '0001-01-01',
    ADD COLUMN is_given boolean NOT NULL DEFAULT false;

CREATE FUNCTION task_management_taskpool_of_task() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    SELECT date_created, task_group_id IS NOT DISTINCT FROM NEW.task_group_id INTO NEW.task_date_created, NEW.is_given
        FROM task_management_task WHERE id = NEW.task_id;
    RETURN NEW;
END $$;
CREATE TRIGGER task_management_taskpool_of_task BEFORE INSERT ON task_management_taskpool
    FOR EACH ROW EXECUTE FUNCTION task_management_taskpool_of_task();

CREATE FUNCTION task_management_taskpool_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE task_management_taskpool
        SET task_date_created = NEW.date_created, is_given = task_group_id IS NOT DISTINCT FROM NEW.task_group_id
        WHERE task_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER task_management_taskpool_follow AFTER UPDATE ON task_management_task FOR EACH ROW
    WHEN ((OLD.date_created, OLD.task_group_id) IS DISTINCT FROM (NEW.date_created, NEW.task_group_id))
    EXECUTE FUNCTION task_management_taskpool_follow();

UPDATE task_management_taskpool AS pool
    SET task_date_created = task.date_created, is_given = task.task_group_id IS NOT DISTINCT FROM pool.task_group_id
    FROM task_management_task AS task WHERE task.id = pool.task_id;

CREATE INDEX task_management_taskpool_asked ON task_management_taskpool (task_group_id, task_id)
    WHERE date_passed IS NULL AND NOT is_given;
CREATE INDEX task_management_taskpool_asked_created ON task_management_taskpool (task_group_id, task_date_created, task_id)
    WHERE date_passed IS NULL AND NOT is_given;

-- What a maker has made is found in the same orders.
CREATE INDEX task_management_task_maker_created ON task_management_task (user_created, date_created, id) WHERE NOT is_deleted;
-- Deliveries that are due. Workers look often, and many may wait for another try.
CREATE INDEX task_management_outbox_due ON task_management_outbox (handler, date_due, id) WHERE status = 'PENDING';

INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000020', '00000000000013');

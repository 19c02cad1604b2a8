-- How many tasks there are of each kind, so that lists need not count them. Triggers keep that true, whoever writes tasks.
-- SQLite has one writer at a time, so each kind has one row, and nothing is to be folded.
CREATE TABLE task_management_taskcount (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    is_deleted boolean NOT NULL,
    status text NOT NULL,
    task_group_id text,
    source text,
    tally bigint NOT NULL,
    is_folded boolean NOT NULL DEFAULT 1
);
CREATE INDEX task_management_taskcount_kind ON task_management_taskcount (status, task_group_id, source, is_deleted);

CREATE TRIGGER task_management_taskcount_added AFTER INSERT ON task_management_task BEGIN
    INSERT INTO task_management_taskcount (is_deleted, status, task_group_id, source, tally)
        SELECT NEW.is_deleted, NEW.status, NEW.task_group_id, NEW.source, 0
        WHERE NOT EXISTS (SELECT 1 FROM task_management_taskcount
            WHERE status = NEW.status AND task_group_id IS NEW.task_group_id AND source IS NEW.source
            AND is_deleted = NEW.is_deleted);
    UPDATE task_management_taskcount SET tally = tally + 1
        WHERE status = NEW.status AND task_group_id IS NEW.task_group_id AND source IS NEW.source
        AND is_deleted = NEW.is_deleted;
END;
CREATE TRIGGER task_management_taskcount_moved
    AFTER UPDATE OF is_deleted, status, task_group_id, source ON task_management_task
    WHEN OLD.status <> NEW.status OR OLD.task_group_id IS NOT NEW.task_group_id OR OLD.source IS NOT NEW.source
        OR OLD.is_deleted <> NEW.is_deleted
BEGIN
    UPDATE task_management_taskcount SET tally = tally - 1
        WHERE status = OLD.status AND task_group_id IS OLD.task_group_id AND source IS OLD.source
        AND is_deleted = OLD.is_deleted;
    INSERT INTO task_management_taskcount (is_deleted, status, task_group_id, source, tally)
        SELECT NEW.is_deleted, NEW.status, NEW.task_group_id, NEW.source, 0
        WHERE NOT EXISTS (SELECT 1 FROM task_management_taskcount
            WHERE status = NEW.status AND task_group_id IS NEW.task_group_id AND source IS NEW.source
            AND is_deleted = NEW.is_deleted);
    UPDATE task_management_taskcount SET tally = tally + 1
        WHERE status = NEW.status AND task_group_id IS NEW.task_group_id AND source IS NEW.source
        AND is_deleted = NEW.is_deleted;
END;
CREATE TRIGGER task_management_taskcount_removed AFTER DELETE ON task_management_task BEGIN
    UPDATE task_management_taskcount SET tally = tally - 1
        WHERE status = OLD.status AND task_group_id IS OLD.task_group_id AND source IS OLD.source
        AND is_deleted = OLD.is_deleted;
END;

-- The tasks that are there.
INSERT INTO task_management_taskcount (is_deleted, status, task_group_id, source, tally)
    SELECT is_deleted, status, task_group_id, source, count(*) FROM task_management_task
    GROUP BY is_deleted, status, task_group_id, source;

INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000017', '00000000000013');

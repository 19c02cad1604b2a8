-- How many tasks there are of each kind, so that lists need not count them. The sum of `tally` over the rows of a kind is its
-- number: each write of tasks adds rows, and changes none, so that no writer waits for another. Triggers write them, whoever
-- writes tasks.
CREATE TABLE task_management_taskcount (
    id bigserial PRIMARY KEY,
    is_deleted boolean NOT NULL,
    status text COLLATE "C" NOT NULL,
    task_group_id uuid,
    source text COLLATE "C",
    tally bigint NOT NULL,
    -- Whether the row takes the place of others.
    is_folded boolean NOT NULL DEFAULT false
);

CREATE FUNCTION task_management_taskcount_added() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO task_management_taskcount (is_deleted, status, task_group_id, source, tally)
        SELECT is_deleted, status, task_group_id, source, count(*) FROM added
        GROUP BY is_deleted, status, task_group_id, source;
    RETURN NULL;
END $$;
CREATE TRIGGER task_management_taskcount_added AFTER INSERT ON task_management_task
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION task_management_taskcount_added();

CREATE FUNCTION task_management_taskcount_moved() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO task_management_taskcount (is_deleted, status, task_group_id, source, tally)
        VALUES (OLD.is_deleted, OLD.status, OLD.task_group_id, OLD.source, -1),
               (NEW.is_deleted, NEW.status, NEW.task_group_id, NEW.source, 1);
    RETURN NULL;
END $$;
CREATE TRIGGER task_management_taskcount_moved AFTER UPDATE ON task_management_task FOR EACH ROW
    WHEN ((OLD.is_deleted, OLD.status, OLD.task_group_id, OLD.source)
        IS DISTINCT FROM (NEW.is_deleted, NEW.status, NEW.task_group_id, NEW.source))
    EXECUTE FUNCTION task_management_taskcount_moved();

CREATE FUNCTION task_management_taskcount_removed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO task_management_taskcount (is_deleted, status, task_group_id, source, tally)
        SELECT is_deleted, status, task_group_id, source, -count(*) FROM removed
        GROUP BY is_deleted, status, task_group_id, source;
    RETURN NULL;
END $$;
CREATE TRIGGER task_management_taskcount_removed AFTER DELETE ON task_management_task
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION task_management_taskcount_removed();

CREATE FUNCTION task_management_taskcount_emptied() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    TRUNCATE task_management_taskcount;
    RETURN NULL;
END $$;
CREATE TRIGGER task_management_taskcount_emptied AFTER TRUNCATE ON task_management_task
    FOR EACH STATEMENT EXECUTE FUNCTION task_management_taskcount_emptied();

-- Folds the rows that wait, by the writer of every thousandth, in its own transaction. A fold passes over what another has in
-- hand. It takes at most ten thousand rows, so that a writer is not kept for long where there are many kinds. A transaction
-- that reads by one snapshot may not touch what others have folded since, so it leaves that to the next.
CREATE FUNCTION task_management_taskcount_fold() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF current_setting('transaction_isolation') = 'read committed' THEN
        WITH taken AS (
            DELETE FROM task_management_taskcount WHERE id = ANY (ARRAY(
                SELECT id FROM task_management_taskcount ORDER BY id LIMIT 10000 FOR UPDATE SKIP LOCKED))
            RETURNING is_deleted, status, task_group_id, source, tally
        )
        INSERT INTO task_management_taskcount (is_deleted, status, task_group_id, source, tally, is_folded)
            SELECT is_deleted, status, task_group_id, source, sum(tally), true FROM taken
            GROUP BY is_deleted, status, task_group_id, source HAVING sum(tally) <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER task_management_taskcount_fold AFTER INSERT ON task_management_taskcount FOR EACH ROW
    WHEN (NEW.id % 1000 = 0 AND NOT NEW.is_folded) EXECUTE FUNCTION task_management_taskcount_fold();

-- The tasks that are there. Making the triggers has locked their table.
INSERT INTO task_management_taskcount (is_deleted, status, task_group_id, source, tally, is_folded)
    SELECT is_deleted, status, task_group_id, source, count(*), true FROM task_management_task
    GROUP BY is_deleted, status, task_group_id, source;

INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000017', '00000000000013');

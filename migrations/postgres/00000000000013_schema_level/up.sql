-- Each migration notes the oldest level that programs need to work with the schema that it leaves: a program below it
-- does not start, one between the two does.
CREATE TABLE task_management_schemalevel (
    version text COLLATE "C" NOT NULL PRIMARY KEY,
    oldest text COLLATE "C" NOT NULL
);
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000013', '00000000000011');

-- What is written to see whether the database can be.
CREATE TABLE task_management_health (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    checks bigint NOT NULL
);
INSERT INTO task_management_health (id, checks) VALUES (1, 0);

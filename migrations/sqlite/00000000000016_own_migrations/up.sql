-- From here on, migrations are noted in task_management_schema_migrations, which the program itself makes. A server of the
-- version before looks for them in diesel's table; it takes this note for that of a newer program, and goes on.
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000016', '00000000000013');

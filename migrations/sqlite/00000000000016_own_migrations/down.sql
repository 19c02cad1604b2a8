-- Programs of the version before also need the versions that are noted in task_management_schema_migrations back in
-- __diesel_schema_migrations.
DELETE FROM task_management_schemalevel WHERE version = '00000000000016';

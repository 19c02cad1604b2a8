DROP TABLE task_management_health;
DROP TABLE task_management_schemalevel;

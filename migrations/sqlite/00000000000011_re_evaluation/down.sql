DELETE FROM task_management_outbox WHERE handler = 'tasks.re_evaluation' OR handler LIKE 'tasks.re\_evaluation:%' ESCAPE '\';
DROP TABLE task_management_checkedservice;
DROP TABLE task_management_taskhold;

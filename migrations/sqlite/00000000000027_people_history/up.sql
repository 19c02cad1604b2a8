-- Who changed which person, role, right of a role and role of a person, and when. People are versioned as tasks are; programs of
-- the commit before add them without these columns.
ALTER TABLE core_user ADD COLUMN is_deleted boolean NOT NULL DEFAULT false;
ALTER TABLE core_user ADD COLUMN user_created text NOT NULL DEFAULT '00000000-0000-4000-8000-000000000001';
ALTER TABLE core_user ADD COLUMN user_updated text NOT NULL DEFAULT '00000000-0000-4000-8000-000000000001';

CREATE TABLE core_historicaluser (
    id text NOT NULL,
    is_deleted boolean NOT NULL,
    json_ext text,
    version integer NOT NULL,
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created text NOT NULL,
    user_updated text NOT NULL,
    interactive_user_id integer NOT NULL,
    username text NOT NULL,
    last_name text NOT NULL,
    other_names text NOT NULL,
    email text,
    phone text,
    language text NOT NULL,
    is_active boolean NOT NULL,
    last_login timestamp,
    history_id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    history_date timestamp NOT NULL,
    history_type text NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user text REFERENCES core_user (id),
    history_change_reason text
);
CREATE UNIQUE INDEX core_historicaluser_version ON core_historicaluser (id, version) WHERE history_user IS NOT NULL;
CREATE INDEX core_historicaluser_row ON core_historicaluser (id);

CREATE TABLE core_historicalrole (
    id integer NOT NULL,
    uuid text NOT NULL,
    name text NOT NULL,
    alt_language text,
    is_system integer NOT NULL,
    is_blocked boolean NOT NULL,
    date_created timestamp NOT NULL,
    history_id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    history_date timestamp NOT NULL,
    history_type text NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user text REFERENCES core_user (id),
    history_change_reason text
);
CREATE INDEX core_historicalrole_row ON core_historicalrole (id);

CREATE TABLE core_historicalroleright (
    role_id integer NOT NULL,
    right_id integer NOT NULL,
    history_id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    history_date timestamp NOT NULL,
    history_type text NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user text REFERENCES core_user (id),
    history_change_reason text
);
CREATE INDEX core_historicalroleright_role ON core_historicalroleright (role_id);

CREATE TABLE core_historicaluserrole (
    id integer NOT NULL,
    user_id text NOT NULL,
    role_id integer NOT NULL,
    date_created timestamp NOT NULL,
    history_id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    history_date timestamp NOT NULL,
    history_type text NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user text REFERENCES core_user (id),
    history_change_reason text
);
CREATE INDEX core_historicaluserrole_user ON core_historicaluserrole (user_id);
CREATE INDEX core_historicaluserrole_role ON core_historicaluserrole (role_id);
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000027', '00000000000013');

-- Who changed which person, role, right of a role and role of a person, and when. People are versioned as tasks are; programs of
-- the commit before add them without these columns.
ALTER TABLE core_user ADD COLUMN is_deleted boolean NOT NULL DEFAULT false;
ALTER TABLE core_user ADD COLUMN user_created uuid NOT NULL DEFAULT '00000000-0000-4000-8000-000000000001';
ALTER TABLE core_user ADD COLUMN user_updated uuid NOT NULL DEFAULT '00000000-0000-4000-8000-000000000001';

CREATE TABLE core_historicaluser (
    id uuid NOT NULL,
    is_deleted boolean NOT NULL,
    json_ext jsonb,
    version integer NOT NULL,
    date_created timestamp NOT NULL,
    date_updated timestamp NOT NULL,
    user_created uuid NOT NULL,
    user_updated uuid NOT NULL,
    interactive_user_id integer NOT NULL,
    username text COLLATE "C" NOT NULL,
    last_name text COLLATE "C" NOT NULL,
    other_names text COLLATE "C" NOT NULL,
    email text COLLATE "C",
    phone text COLLATE "C",
    language text COLLATE "C" NOT NULL,
    is_active boolean NOT NULL,
    last_login timestamp,
    history_id bigserial PRIMARY KEY,
    history_date timestamp NOT NULL,
    history_type text COLLATE "C" NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user uuid REFERENCES core_user (id),
    history_change_reason text COLLATE "C"
);
CREATE UNIQUE INDEX core_historicaluser_version ON core_historicaluser (id, version) WHERE history_user IS NOT NULL;
CREATE INDEX core_historicaluser_row ON core_historicaluser (id);

CREATE TABLE core_historicalrole (
    id integer NOT NULL,
    uuid uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    alt_language text COLLATE "C",
    is_system integer NOT NULL,
    is_blocked boolean NOT NULL,
    date_created timestamp NOT NULL,
    history_id bigserial PRIMARY KEY,
    history_date timestamp NOT NULL,
    history_type text COLLATE "C" NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user uuid REFERENCES core_user (id),
    history_change_reason text COLLATE "C"
);
CREATE INDEX core_historicalrole_row ON core_historicalrole (id);

CREATE TABLE core_historicalroleright (
    role_id integer NOT NULL,
    right_id integer NOT NULL,
    history_id bigserial PRIMARY KEY,
    history_date timestamp NOT NULL,
    history_type text COLLATE "C" NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user uuid REFERENCES core_user (id),
    history_change_reason text COLLATE "C"
);
CREATE INDEX core_historicalroleright_role ON core_historicalroleright (role_id);

CREATE TABLE core_historicaluserrole (
    id integer NOT NULL,
    user_id uuid NOT NULL,
    role_id integer NOT NULL,
    date_created timestamp NOT NULL,
    history_id bigserial PRIMARY KEY,
    history_date timestamp NOT NULL,
    history_type text COLLATE "C" NOT NULL CHECK (history_type IN ('+', '~', '-')),
    history_user uuid REFERENCES core_user (id),
    history_change_reason text COLLATE "C"
);
CREATE INDEX core_historicaluserrole_user ON core_historicaluserrole (user_id);
CREATE INDEX core_historicaluserrole_role ON core_historicaluserrole (role_id);
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000027', '00000000000013');

-- Tokens of programs are sessions with a name and rights of their own. Their hashes are not those of refresh tokens, so that
-- programs of the commit before do not take one for a session's.
ALTER TABLE core_session ADD COLUMN token_name text COLLATE "C";
ALTER TABLE core_session ADD COLUMN token_rights jsonb;
ALTER TABLE core_session ADD COLUMN date_used timestamp;

-- Who got in or was refused, and who gave and took what.
CREATE TABLE core_securitylog (
    id uuid NOT NULL PRIMARY KEY,
    date timestamp NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('LOGIN', 'LOGIN_REFUSED', 'PASSWORD_SET', 'PASSWORD_RESET', 'USER_CREATED', 'USER_CHANGED', 'USER_BLOCKED', 'USER_UNBLOCKED',
        'USER_DELETED', 'ROLE_GRANTED', 'ROLE_REVOKED', 'ROLE_CHANGED', 'TOKEN_CREATED', 'TOKEN_REVOKED')),
    user_id uuid REFERENCES core_user (id),
    subject_id uuid REFERENCES core_user (id),
    address text COLLATE "C",
    detail text COLLATE "C"
);
CREATE INDEX core_securitylog_date ON core_securitylog (date, id);
CREATE INDEX core_securitylog_user ON core_securitylog (user_id);
CREATE INDEX core_securitylog_subject ON core_securitylog (subject_id);
INSERT INTO task_management_schemalevel (version, oldest) VALUES ('00000000000028', '00000000000013');

CREATE TABLE staff (
    id integer PRIMARY KEY,
    username text NOT NULL UNIQUE,
    password text NOT NULL,
    role text NOT NULL
);
CREATE TABLE beneficiary (
    id text PRIMARY KEY,
    name text NOT NULL,
    account text NOT NULL
);
CREATE TABLE office_grant (
    id text PRIMARY KEY,
    purpose text NOT NULL,
    amount integer NOT NULL
);
INSERT INTO staff VALUES
    (1, 'oda', 'oda1', 'officer'),
    (2, 'cem', 'cem1', 'checker'),
    (3, 'dora', 'dora1', 'director');
INSERT INTO beneficiary VALUES ('1', 'Abena Mensah', 'GH-100'), ('2', 'Kofi Boateng', 'GH-200');

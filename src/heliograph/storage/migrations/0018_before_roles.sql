-- Custom roles, and who has which besides what their key was made with.
CREATE TABLE roles (
    role TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL,
    record BLOB NOT NULL
);
CREATE TABLE role_bindings (
    who TEXT NOT NULL,
    role TEXT NOT NULL,
    position TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (who, role)
);
-- When each key was last used.
CREATE TABLE key_uses (
    key_id TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL,
    record BLOB NOT NULL
);
-- One row that every change of a key, a role or a binding writes: by it, servers learn that there was one.
CREATE TABLE access_states (
    what TEXT NOT NULL PRIMARY KEY,
    record BLOB NOT NULL
);
-- What actors did in the last hour, where there is a limit.
CREATE TABLE tallies (
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (actor, what)
);
CREATE INDEX tallies_by_expiry ON tallies (expires_us);

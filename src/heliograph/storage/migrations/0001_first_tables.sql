-- Plain SQL types only: PostgreSQL is to run the same tables. Times are integer microseconds since 1970 (create_ms: milliseconds).
-- `record` holds what no query asks for: MessagePack for operations (hot), JSON for all others.

CREATE TABLE schema_version (
    version INTEGER NOT NULL PRIMARY KEY,
    applied_us BIGINT NOT NULL
);

-- Always empty; a full disk is probed with it (writer.py).
CREATE TABLE room (
    filler BLOB NOT NULL
);

-- Device names never change and outlive their device in its operations: here they stand once, elsewhere their key.
CREATE TABLE device_keys (
    device_key INTEGER PRIMARY KEY,
    enterprise TEXT NOT NULL,
    device TEXT NOT NULL
);
CREATE UNIQUE INDEX device_keys_by_name ON device_keys (enterprise, device);

CREATE TABLE enterprises (
    enterprise TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL,
    record BLOB NOT NULL
);
CREATE UNIQUE INDEX enterprises_in_order ON enterprises (position);

-- credential_hash is not unique: what happens when two phones say the same one is the rules' business, never a failed batch.
CREATE TABLE devices (
    device_key INTEGER PRIMARY KEY,
    enterprise TEXT NOT NULL,
    position TEXT NOT NULL,
    credential_hash BLOB NOT NULL,
    record BLOB NOT NULL
);
CREATE INDEX devices_in_order ON devices (enterprise, position);
CREATE INDEX devices_by_credential ON devices (credential_hash);

CREATE TABLE tombstones (
    device_key INTEGER PRIMARY KEY,
    credential_hash BLOB NOT NULL,
    expires_us BIGINT NOT NULL,
    record BLOB NOT NULL
);
CREATE INDEX tombstones_by_credential ON tombstones (credential_hash);
CREATE INDEX tombstones_by_expiry ON tombstones (expires_us);

-- Which devices enrolled with a serial number, in `position` order; kept when the device goes.
CREATE TABLE serials (
    enterprise TEXT NOT NULL,
    serial TEXT NOT NULL,
    position TEXT NOT NULL,
    device TEXT NOT NULL,
    PRIMARY KEY (enterprise, serial, position)
);

CREATE TABLE tokens (
    enterprise TEXT NOT NULL,
    token TEXT NOT NULL,
    position TEXT NOT NULL,
    value TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, token)
);
CREATE INDEX tokens_in_order ON tokens (enterprise, position);
CREATE INDEX tokens_by_value ON tokens (value);

-- Append-only but for the two or three updates of each row. operations_by_device is name look-up and history in one: the one
-- index that is not filled at its end. deadline_us is set exactly while an operation is open, ended_us exactly afterwards.
CREATE TABLE operations (
    device_key INTEGER NOT NULL,
    create_ms BIGINT NOT NULL,
    state SMALLINT NOT NULL,
    deadline_us BIGINT,
    ended_us BIGINT,
    record BLOB NOT NULL
);
CREATE UNIQUE INDEX operations_by_device ON operations (device_key, create_ms);
CREATE INDEX operations_by_deadline ON operations (deadline_us, device_key, create_ms) WHERE deadline_us IS NOT NULL;
CREATE INDEX operations_by_end ON operations (ended_us) WHERE ended_us IS NOT NULL;

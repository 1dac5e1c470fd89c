-- The table that every command writes to three times grows at its end only: cost per command is the same at any size (ADR 0010).
-- `-- sqlite only` and `-- postgresql only` say that the statement below is for that engine alone (queries.py, migration_script).

ALTER TABLE operations RENAME TO operations_until_0005;

-- deadline_us is set exactly while an operation is open, ended_us exactly afterwards.
CREATE TABLE operations (
    create_ms BIGINT NOT NULL,
    device_key INTEGER NOT NULL,
    state SMALLINT NOT NULL,
    deadline_us BIGINT,
    ended_us BIGINT,
    record BLOB NOT NULL,
    PRIMARY KEY (create_ms, device_key)
);
INSERT INTO operations (create_ms, device_key, state, deadline_us, ended_us, record)
SELECT create_ms, device_key, state, deadline_us, ended_us, record FROM operations_until_0005 ORDER BY create_ms, device_key;

-- A device's operations in their order. In SQLite rows come here later, many at a time and sorted (the sweeper); the newer ones,
-- created after `swept.create_ms`, are known in memory.
-- sqlite only
CREATE TABLE history (
    device_key INTEGER NOT NULL,
    create_ms BIGINT NOT NULL,
    PRIMARY KEY (device_key, create_ms)
) WITHOUT ROWID;
-- sqlite only
INSERT INTO history (device_key, create_ms) SELECT device_key, create_ms FROM operations_until_0005 ORDER BY device_key, create_ms;

-- One row, the watermark: history has every operation that was created until then.
-- sqlite only
CREATE TABLE swept (
    create_ms BIGINT NOT NULL
);
-- sqlite only
INSERT INTO swept (create_ms) SELECT coalesce(max(create_ms), 0) FROM operations;

DROP TABLE operations_until_0005;

-- An index name is free only when its table is gone.
CREATE INDEX operations_by_deadline ON operations (deadline_us, create_ms, device_key) WHERE deadline_us IS NOT NULL;
CREATE INDEX operations_by_end ON operations (ended_us) WHERE ended_us IS NOT NULL;
-- postgresql only
CREATE INDEX operations_by_device ON operations (device_key, create_ms);
-- postgresql only
CREATE INDEX operations_open ON operations (device_key, create_ms) WHERE deadline_us IS NOT NULL;

-- Several servers give keys and ids at once, so each takes numbers from here that stand for blocks of them.
-- postgresql only
CREATE SEQUENCE device_key_blocks;
-- postgresql only
CREATE SEQUENCE message_id_blocks;

-- The audit trail: what each commit adds to each stream is a block, and blocks are linked into one chain (ADR 0053).
-- sqlite only
CREATE TABLE audit_blocks (
    number INTEGER PRIMARY KEY,
    created_us BIGINT NOT NULL,
    stream TEXT NOT NULL,
    entries BLOB NOT NULL,
    digest BLOB NOT NULL
);
-- postgresql only
CREATE TABLE audit_blocks (
    number BIGINT PRIMARY KEY,
    created_us BIGINT NOT NULL,
    stream TEXT NOT NULL,
    entries BLOB NOT NULL,
    digest BLOB NOT NULL
);
CREATE INDEX audit_blocks_by_stream ON audit_blocks (stream, number);

-- Several servers commit at once: blocks are linked when they are committed.
-- postgresql only
CREATE TABLE audit_arrivals (
    arrival BIGSERIAL PRIMARY KEY,
    created_us BIGINT NOT NULL,
    stream TEXT NOT NULL,
    entries BLOB NOT NULL
);

-- From where each key was used: another address has an entry in the audit trail.
CREATE TABLE key_addresses (
    key_id TEXT NOT NULL,
    address TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (key_id, address)
);

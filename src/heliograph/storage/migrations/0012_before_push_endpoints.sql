-- Where an enterprise's notifications are pushed; secrets in the records are sealed.
CREATE TABLE push_endpoints (
    enterprise TEXT NOT NULL,
    push_endpoint TEXT NOT NULL,
    position TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, push_endpoint)
);
CREATE INDEX push_endpoints_in_order ON push_endpoints (enterprise, position);

-- What this server's tokens to push endpoints are signed with: all servers of the database have the same ones.
CREATE TABLE signing_keys (
    key_id TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    record BLOB NOT NULL
);
CREATE INDEX signing_keys_in_order ON signing_keys (position);
CREATE INDEX signing_keys_by_expiry ON signing_keys (expires_us);

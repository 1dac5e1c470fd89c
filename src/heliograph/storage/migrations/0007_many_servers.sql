-- One row (id 1): the fingerprint of the key file that the database's secrets are sealed with, so that another one is refused.
CREATE TABLE sealing_key (
    id INTEGER NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL
);

-- Until when a message is one server's to send. SQLite, which one server uses alone, keeps that in memory and leaves it 0.
ALTER TABLE outbox ADD COLUMN claimed_until_us BIGINT NOT NULL DEFAULT 0;

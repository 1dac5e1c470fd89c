-- Whose message it is: what an enterprise may have waiting is limited. Empty: written by a server of the version before.
ALTER TABLE outbox ADD COLUMN enterprise TEXT NOT NULL DEFAULT '';
-- Each destination has a queue of its own, so that one that takes nothing does not hold up others.
CREATE INDEX outbox_by_destination ON outbox (destination, due_us, message_id);

-- Notifications that were given up: kept for a while, to be listed and sent again.
CREATE TABLE dead_letters (
    enterprise TEXT NOT NULL,
    message_id BIGINT NOT NULL,
    position TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, message_id)
);
CREATE INDEX dead_letters_in_order ON dead_letters (enterprise, position);
CREATE INDEX dead_letters_by_expiry ON dead_letters (expires_us);

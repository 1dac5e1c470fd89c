-- Notifications that wait to be sent: few and short-lived, but for a destination that is down. message_id grows with time.
CREATE TABLE outbox (
    message_id BIGINT NOT NULL PRIMARY KEY,
    due_us BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    destination TEXT NOT NULL,
    notification_type TEXT NOT NULL,
    supersedes TEXT,
    data BLOB NOT NULL
);
CREATE INDEX outbox_by_due ON outbox (due_us, message_id);
-- NULL equals nothing, so only messages that tell the newest state of something make way for a newer one.
CREATE UNIQUE INDEX outbox_by_subject ON outbox (destination, supersedes);

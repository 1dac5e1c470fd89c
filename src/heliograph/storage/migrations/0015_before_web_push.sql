-- Where sleeping phones are woken. Not deleted with a device or an enterprise: the last order is worth waking for, too.
CREATE TABLE web_push_subscriptions (
    enterprise TEXT NOT NULL,
    device TEXT NOT NULL,
    position TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, device)
);
CREATE INDEX web_push_subscriptions_in_order ON web_push_subscriptions (position);
CREATE INDEX web_push_subscriptions_by_expiry ON web_push_subscriptions (expires_us);

-- Which operation a caller's request issued, so that the same request, sent again, gets the same one; kept for a day.
CREATE TABLE requests (
    enterprise TEXT NOT NULL,
    request_id TEXT NOT NULL,
    device TEXT NOT NULL,
    create_ms BIGINT NOT NULL,
    digest BLOB NOT NULL,
    expires_us BIGINT NOT NULL,
    PRIMARY KEY (enterprise, request_id)
);
CREATE INDEX requests_by_expiry ON requests (expires_us);
CREATE INDEX requests_to_device ON requests (enterprise, device);

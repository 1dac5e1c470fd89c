-- What needs a second person in an enterprise, a row for each that wants that; and what waits for one, or did.
CREATE TABLE approval_rules (
    enterprise TEXT NOT NULL PRIMARY KEY,
    record BLOB NOT NULL
);
CREATE TABLE approvals (
    enterprise TEXT NOT NULL,
    approval TEXT NOT NULL,
    position TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, approval)
);
CREATE INDEX approvals_in_order ON approvals (enterprise, position);
CREATE INDEX approvals_by_expiry ON approvals (expires_us);

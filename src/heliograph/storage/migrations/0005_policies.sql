-- Policies, and which devices have which: patching one tells its phones, and one that a device has is not deleted.
CREATE TABLE policies (
    enterprise TEXT NOT NULL,
    policy TEXT NOT NULL,
    position TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, policy)
);
CREATE INDEX policies_in_order ON policies (enterprise, position);

ALTER TABLE devices ADD COLUMN policy_name TEXT NOT NULL DEFAULT '';
-- Only SQLite has rows from before this column, and this is its own way to look into a record.
-- sqlite only
UPDATE devices SET policy_name = coalesce(json_extract(CAST(record AS TEXT), '$.policy_name'), '');
CREATE INDEX devices_with_policy ON devices (enterprise, policy_name, position);

-- What a check asks of PostgreSQL itself.

-- setting --
-- A setting as a new session has it; null where the database does not know it.
SELECT current_setting($1, true)

-- schema --
-- The newest migration that ran; asked only where the table is.
SELECT max(version) FROM schema_version

-- audit_blocks_that_wait --
-- Blocks of the audit trail that wait for their link.
SELECT count(*) FROM audit_arrivals

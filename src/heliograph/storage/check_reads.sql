-- What a check reads besides counting (checks.sql): whole tables, which no server ever does.

-- begin_reading --
-- Everything until the connection closes is seen as at the first read.
BEGIN

-- integrity --
-- What SQLite itself finds wrong with the file: "ok", or a row for each problem.
PRAGMA integrity_check

-- every_operation --
-- For a check of what is in the records.
SELECT create_ms, state, deadline_us, ended_us, record FROM operations

-- every_record_of_devices --
-- For a check of what is in the records.
SELECT record FROM devices

-- every_audit_block --
-- The whole audit trail, as it is linked.
SELECT number, created_us, stream, entries, digest FROM audit_blocks ORDER BY number

-- newest_command_us --
-- When the newest command was issued; 0: there is none.
SELECT coalesce(max(create_ms), 0) * 1000 FROM operations

-- Every statement this storage runs, by name: `-- name --`, one line what it is for, the statement; those of the record kinds: kinds.sql.
-- Where a statement ends in a VALUES group that Python repeats, the group stands here once (queries.py, `grouped`).
-- CROSS JOIN, in SQLite, also says which table is read first: the few rows that are wanted, never a whole table.
-- `column1, column2, …` are the names that SQLite and PostgreSQL both give the columns of VALUES.

-- has_schema --
-- Whether any migration ran; the one query that asks the engine's own catalogue.
SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'

-- plain_indexes --
-- Tables and their indexes that make no row unique.
SELECT tbl_name, name FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'

-- schema_version --
-- The newest migration that ran.
SELECT max(version) FROM schema_version

-- migration_applied --
-- A migration ran: in its transaction.
INSERT INTO schema_version (version, applied_us) VALUES (?, ?)

-- begin --
-- A batch starts; SQLite's word for taking the one write lock at once.
BEGIN IMMEDIATE

-- commit --
-- A batch becomes durable.
COMMIT

-- rollback --
-- A batch is dropped.
ROLLBACK

-- take_room --
-- Whether the disk has room, tried out while it is known to be full.
INSERT INTO room (filler) VALUES (?)

-- give_room_back --
-- Undoes take_room.
DELETE FROM room

-- last_device_key --
-- Where numbering goes on.
SELECT coalesce(max(device_key), 0) FROM device_keys

-- all_open --
-- Every open operation, unsorted (sorted, it would read all operations): read once at start, kept in memory afterwards.
SELECT k.enterprise, k.device, o.create_ms
FROM operations o JOIN device_keys k ON k.device_key = o.device_key
WHERE o.deadline_us IS NOT NULL

-- stats --
-- How many operations are open and how many notifications wait, and since when the oldest.
SELECT (SELECT count(*) FROM operations WHERE deadline_us IS NOT NULL),
    (SELECT count(*) FROM outbox),
    (SELECT created_us FROM outbox WHERE message_id = (SELECT min(message_id) FROM outbox))

-- nearest_deadline --
-- When something must happen by itself next.
SELECT min(deadline_us) FROM operations WHERE deadline_us IS NOT NULL

-- due --
-- Operations past their deadline, oldest deadline first.
SELECT k.enterprise, k.device, o.create_ms, o.state, o.deadline_us, o.ended_us, o.record
FROM operations o JOIN device_keys k ON k.device_key = o.device_key
WHERE o.deadline_us <= ?
ORDER BY o.deadline_us, o.create_ms, o.device_key
LIMIT ?

-- newest_create_ms --
-- No operation ever was newer: the newest that is there, or the watermark, where newer ones were removed.
SELECT max(newest.create_ms) FROM (
    SELECT coalesce(max(o.create_ms), 0) AS create_ms FROM operations o
    UNION ALL SELECT max(s.create_ms) FROM swept s
) AS newest

-- newest_times --
-- The newest times (us) in rows: read once at start, for a server's clock may be behind them.
SELECT (SELECT max(create_ms) * 1000 FROM operations), (SELECT max(create_ms) * 1000 FROM swept),
    (SELECT max(ended_us) FROM operations WHERE ended_us IS NOT NULL),
    (SELECT created_us FROM outbox WHERE message_id = (SELECT max(message_id) FROM outbox)),
    (SELECT CAST(substr(max(position), 1, 20) AS BIGINT) FROM enterprises)

-- device_states --
-- Everything a rule may ask of a device's row, for many devices.
SELECT k.enterprise, k.device, k.device_key, d.record, t.record
FROM (VALUES (?, ?)) AS wanted CROSS JOIN device_keys k
LEFT JOIN devices d ON d.device_key = k.device_key
LEFT JOIN tombstones t ON t.device_key = k.device_key
WHERE k.enterprise = wanted.column1 AND k.device = wanted.column2

-- device_key --
-- A device's key.
SELECT device_key FROM device_keys WHERE enterprise = ? AND device = ?

-- living_devices --
-- The keys of all devices that are there: read once at start, kept in memory afterwards.
SELECT device_key FROM devices

-- operation --
-- One operation.
SELECT state, deadline_us, ended_us, record FROM operations WHERE create_ms = ? AND device_key = ?

-- devices_of_credentials --
-- Whose credentials these are, in no order.
SELECT d.device_key, d.credential_hash, k.enterprise, k.device
FROM (VALUES (?)) AS wanted CROSS JOIN devices d
JOIN device_keys k ON k.device_key = d.device_key
WHERE d.credential_hash = wanted.column1

-- tombstones_of_credentials --
-- Whose credentials these were, in no order.
SELECT t.device_key, t.credential_hash, k.enterprise, k.device
FROM (VALUES (?)) AS wanted CROSS JOIN tombstones t
JOIN device_keys k ON k.device_key = t.device_key
WHERE t.credential_hash = wanted.column1

-- operations_named --
-- Operations by name, for many names.
SELECT k.enterprise, k.device, o.create_ms, o.state, o.deadline_us, o.ended_us, o.record
FROM (VALUES (?, ?, ?)) AS wanted CROSS JOIN device_keys k
JOIN operations o ON o.create_ms = wanted.column3 AND o.device_key = k.device_key
WHERE k.enterprise = wanted.column1 AND k.device = wanted.column2

-- operations_of_keys --
-- Operations by create_ms and their devices' keys, for many operations, in no order.
SELECT o.create_ms, o.state, o.deadline_us, o.ended_us, o.record
FROM (VALUES (?, ?)) AS wanted CROSS JOIN operations o
WHERE o.create_ms = wanted.column1 AND o.device_key = wanted.column2

-- devices_of_serials --
-- Who enrolled with these serials, oldest first.
SELECT s.enterprise, s.serial, s.device, s.position
FROM (VALUES (?, ?)) AS wanted CROSS JOIN serials s
WHERE s.enterprise = wanted.column1 AND s.serial = wanted.column2
ORDER BY s.position

-- insert_device_keys --
-- New devices get their keys.
INSERT INTO device_keys (device_key, enterprise, device) VALUES (?, ?, ?)

-- insert_operations --
-- New operations.
INSERT INTO operations (create_ms, device_key, state, deadline_us, ended_us, record) VALUES (?, ?, ?, ?, ?, ?)

-- replace_operations --
-- Operations as they are now.
INSERT INTO operations (create_ms, device_key, state, deadline_us, ended_us, record) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (create_ms, device_key) DO UPDATE SET
    state = excluded.state, deadline_us = excluded.deadline_us, ended_us = excluded.ended_us, record = excluded.record

-- put_indexed --
-- Operations in the index of their devices.
INSERT INTO history (device_key, create_ms) VALUES (?, ?)
ON CONFLICT (device_key, create_ms) DO NOTHING

-- move_watermark --
-- The index has all operations up to this one.
UPDATE swept SET create_ms = ?

-- put_devices --
-- Devices as they are now.
INSERT INTO devices (device_key, enterprise, position, credential_hash, policy_name, record) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (device_key) DO UPDATE SET
    position = excluded.position, credential_hash = excluded.credential_hash, policy_name = excluded.policy_name, record = excluded.record

-- delete_devices --
-- These devices are gone; their operations stay.
DELETE FROM devices WHERE device_key IN (VALUES (?))

-- indexed_after --
-- A device's operations after one of them, oldest first; without those that are unswept.
SELECT h.create_ms, o.state, o.deadline_us, o.ended_us, o.record
FROM history h CROSS JOIN operations o
WHERE h.device_key = ? AND h.create_ms > ? AND o.create_ms = h.create_ms AND o.device_key = h.device_key
ORDER BY h.create_ms
LIMIT ?

-- unswept --
-- The operations after the watermark, oldest first: read once at start, kept in memory afterwards.
SELECT k.enterprise, k.device, o.create_ms, o.device_key
FROM operations o CROSS JOIN device_keys k
WHERE k.device_key = o.device_key AND o.create_ms > (SELECT max(s.create_ms) FROM swept s)
ORDER BY o.create_ms, o.device_key

-- page_of_devices --
-- An enterprise's devices after a position, in order of enrolment.
SELECT record FROM devices WHERE enterprise = ? AND position > ? ORDER BY position LIMIT ?

-- states_of_devices --
-- An enterprise's devices after a position, for their states.
SELECT position, record FROM devices WHERE enterprise = ? AND position > ? ORDER BY position LIMIT ?

-- open_count --
-- How many operations of an enterprise are open.
SELECT count(*) FROM operations o CROSS JOIN device_keys k
WHERE o.deadline_us IS NOT NULL AND k.device_key = o.device_key AND k.enterprise = ?

-- ended_counts --
-- How an enterprise's operations of a time ended, among the newest of all: by state, and by how long they took, in classes up to five bounds.
SELECT few.state, CASE
    WHEN few.took_us <= ? THEN 0 WHEN few.took_us <= ? THEN 1 WHEN few.took_us <= ? THEN 2 WHEN few.took_us <= ? THEN 3
    WHEN few.took_us <= ? THEN 4 ELSE 5 END AS took, count(*)
FROM (
    SELECT device_key, state, ended_us - create_ms * 1000 AS took_us FROM operations
    WHERE ended_us >= ? AND ended_us < ? ORDER BY ended_us DESC LIMIT ?
) AS few CROSS JOIN device_keys k
WHERE k.device_key = few.device_key AND k.enterprise = ?
GROUP BY 1, 2

-- holding_devices --
-- How many devices an enterprise has, counted up to a number.
SELECT count(*), 0 FROM (SELECT 1 AS one FROM devices WHERE enterprise = ? LIMIT ?) AS counted

-- page_of_devices_with_policy --
-- The devices that have a policy, after a position, in order of enrolment.
SELECT record FROM devices WHERE enterprise = ? AND policy_name = ? AND position > ? ORDER BY position LIMIT ?

-- names_of_devices --
-- Devices' names by their keys.
SELECT k.enterprise, k.device FROM (VALUES (?)) AS wanted CROSS JOIN device_keys k
WHERE k.device_key = wanted.column1

-- orphans --
-- Devices whose enterprise is gone: asked of each enterprise that devices have, not of each device.
WITH RECURSIVE few (enterprise) AS (
    SELECT min(d.enterprise) FROM devices d
    UNION ALL
    SELECT (SELECT min(d.enterprise) FROM devices d WHERE d.enterprise > few.enterprise) FROM few WHERE few.enterprise IS NOT NULL
)
SELECT d.record FROM few CROSS JOIN devices d
WHERE d.enterprise = few.enterprise AND NOT EXISTS (SELECT 1 FROM enterprises e WHERE e.enterprise = few.enterprise)
LIMIT ?

-- ended_before --
-- The operations that ended before a time, the longest ended first.
SELECT k.enterprise, k.device, o.create_ms, o.device_key
FROM operations o JOIN device_keys k ON k.device_key = o.device_key
WHERE o.ended_us < ?
ORDER BY o.ended_us
LIMIT ?

-- delete_operations --
-- These operations are gone.
DELETE FROM operations WHERE (create_ms, device_key) IN (VALUES (?, ?))

-- delete_indexed --
-- These operations are in no index.
DELETE FROM history WHERE (device_key, create_ms) IN (VALUES (?, ?))

-- forget_operations_of --
-- Sandbox: a device's operations never were.
DELETE FROM operations WHERE (create_ms, device_key) IN (SELECT h.create_ms, h.device_key FROM history h WHERE h.device_key = ?)

-- forget_indexed_of --
-- Sandbox: nor did they.
DELETE FROM history WHERE device_key = ?

-- sealing_key --
-- The fingerprint of the database's key.
SELECT fingerprint FROM sealing_key WHERE id = 1

-- first_sealing_key --
-- The first key that a database is used with is its key.
INSERT INTO sealing_key (id, fingerprint) VALUES (1, ?) ON CONFLICT (id) DO NOTHING

-- adopt_sealing_key --
-- The operator has lost the former key.
INSERT INTO sealing_key (id, fingerprint) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint

-- last_message_id --
-- Where numbering of messages goes on.
SELECT coalesce(max(message_id), 0) FROM outbox

-- put_messages --
-- New messages; one with the state of the same thing makes way, and passes its turn on.
INSERT INTO outbox (message_id, due_us, created_us, attempts, destination, notification_type, supersedes, data, enterprise)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (destination, supersedes) DO UPDATE SET
    message_id = excluded.message_id, created_us = excluded.created_us,
    notification_type = excluded.notification_type, data = excluded.data

-- postpone_messages --
-- Messages that were not taken are tried again later.
UPDATE outbox SET due_us = wanted.column2, attempts = wanted.column3
FROM (VALUES (?, ?, ?)) AS wanted WHERE outbox.message_id = wanted.column1

-- delete_messages --
-- Messages that were taken, or given up.
DELETE FROM outbox WHERE message_id IN (VALUES (?))

-- due_messages --
-- The messages to one destination whose time has come, the soonest due first.
SELECT message_id, due_us, created_us, attempts, destination, notification_type, data, enterprise
FROM outbox WHERE destination = ? AND due_us <= ? ORDER BY due_us, message_id LIMIT ?

-- waiting_destinations --
-- Where messages wait to be sent, and when the first is due: two steps in the index for each destination, however many wait there.
WITH RECURSIVE wanted (destination) AS (
    SELECT min(destination) FROM outbox
    UNION ALL
    SELECT (SELECT min(destination) FROM outbox WHERE destination > wanted.destination) FROM wanted WHERE destination IS NOT NULL
)
SELECT destination, (SELECT min(due_us) FROM outbox WHERE outbox.destination = wanted.destination) AS first_due_us
FROM wanted WHERE destination IS NOT NULL

-- full_outboxes --
-- Enterprises that have more than so many messages waiting, and how many.
SELECT enterprise, count(*) FROM outbox GROUP BY enterprise HAVING count(*) > ?

-- oldest_messages --
-- The messages of one enterprise that wait the longest.
SELECT message_id, due_us, created_us, attempts, destination, notification_type, data, enterprise
FROM outbox WHERE enterprise = ? ORDER BY message_id LIMIT ?


-- last_event_numbers --
-- The numbers of enterprises' newest events.
SELECT enterprise, last FROM event_numbers WHERE enterprise IN (VALUES (?))

-- put_last_event_numbers --
-- The numbers of enterprises' newest events, which stay when the events go.
INSERT INTO event_numbers (enterprise, last) VALUES (?, ?)
ON CONFLICT (enterprise) DO UPDATE SET last = excluded.last

-- append_events --
-- New events.
INSERT INTO events (enterprise, number, created_us, notification_type, data) VALUES (?, ?, ?, ?, ?)

-- page_of_events --
-- The first of an enterprise's events after one of them, as many as are not too large together; with each, its newest number.
SELECT newest.last, page.number, page.created_us, page.notification_type, page.data
FROM (SELECT coalesce(max(n.last), 0) AS last FROM event_numbers n WHERE n.enterprise = ?) AS newest
LEFT JOIN (
    SELECT few.*, sum(length(few.data)) OVER (ORDER BY few.number) - length(few.data) AS bytes_before
    FROM (SELECT * FROM events WHERE enterprise = ? AND number > ? ORDER BY number LIMIT ?) AS few
) AS page ON page.bytes_before < ?

-- delete_events_of --
-- The events of these enterprises are gone.
DELETE FROM events WHERE enterprise IN (VALUES (?))

-- events_before --
-- Events older than a time, the oldest first.
SELECT enterprise, number FROM events WHERE created_us < ? ORDER BY created_us LIMIT ?

-- delete_events_until --
-- The events of an enterprise up to one of them are gone.
DELETE FROM events WHERE (enterprise, number) IN (
    SELECT e.enterprise, e.number FROM (VALUES (?, ?)) AS wanted CROSS JOIN events e
    WHERE e.enterprise = wanted.column1 AND e.number <= wanted.column2
)

-- audit_head --
-- The end of the audit trail's chain.
SELECT number, digest FROM audit_blocks WHERE number = (SELECT max(b.number) FROM audit_blocks b)

-- append_audit_blocks --
-- New blocks of the audit trail, each linked to the one before.
INSERT INTO audit_blocks (number, created_us, stream, entries, digest) VALUES (?, ?, ?, ?, ?)

-- audit_blocks_before --
-- Blocks with smaller numbers, the newest first.
SELECT number, created_us, stream, entries, digest FROM audit_blocks WHERE number < ? ORDER BY number DESC LIMIT ?

-- audit_blocks_of_stream_before --
-- Blocks of one stream with smaller numbers, the newest first.
SELECT number, created_us, stream, entries, digest FROM audit_blocks WHERE stream = ? AND number < ? ORDER BY number DESC LIMIT ?

-- audit_blocks_after --
-- Blocks with greater numbers, the oldest first.
SELECT number, created_us, stream, entries, digest FROM audit_blocks WHERE number > ? ORDER BY number LIMIT ?

-- audit_blocks_of_stream_after --
-- Blocks of one stream with greater numbers, the oldest first.
SELECT number, created_us, stream, entries, digest FROM audit_blocks WHERE stream = ? AND number > ? ORDER BY number LIMIT ?

-- sweep_audit --
-- The oldest blocks up to a number are gone.
DELETE FROM audit_blocks WHERE number IN (SELECT b.number FROM audit_blocks b WHERE b.number <= ? ORDER BY b.number LIMIT ?) RETURNING number

-- audit_is_unsigned --
-- Whether blocks other than checkpoints come after a number.
SELECT EXISTS (SELECT 1 FROM audit_blocks b WHERE b.number > ? AND b.stream <> ?)

-- Statements that PostgreSQL is asked otherwise than SQLite, by name; all others stand in queries.sql for both (queries.py).
-- Many rows come as arrays, one for each column: one statement and one plan, however many rows there are. Where every command pays
-- for it, arrays of numbers come as text (postgres/link.py, `numbers`).
-- Locks are taken before anything is read that they protect, in a statement of their own: a statement sees what was committed when it
-- began, so one that had to wait for its lock would go on with what was true before it waited.

-- configure --
-- A session's settings, or a transaction's ($3), those that this database knows: name by name, value by value.
SELECT set_config(s.name, wanted.value, $3)
FROM unnest($1::text[], $2::text[]) AS wanted(name, value) JOIN pg_settings s ON s.name = wanted.name

-- durability --
-- Commit guarantees before any of our settings.
SELECT current_setting('synchronous_commit', true)

-- look --
-- When something must happen by itself next, and what decides whether a commit is on disk when it says so.
SELECT (SELECT min(deadline_us) FROM operations WHERE deadline_us IS NOT NULL) AS nearest_us,
    current_setting('fsync', true) AS fsync, current_setting('full_page_writes', true) AS full_page_writes,
    current_setting('synchronous_commit', true) AS synchronous_commit

-- has_schema --
-- Whether any migration ran.
SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'schema_version'

-- lock_schema --
-- Nobody else migrates until the transaction ends.
SELECT version FROM schema_version WHERE version = 1 FOR UPDATE

-- migration_applied --
-- A migration ran: in its transaction.
INSERT INTO schema_version (version, applied_us) VALUES ($1, $2)

-- database_now_us --
-- The database's own time.
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint

-- newest_times --
-- The newest times (us) in rows: read once at start, for the database's clock may be behind them.
SELECT (SELECT max(create_ms) * 1000 FROM operations), (SELECT max(ended_us) FROM operations WHERE ended_us IS NOT NULL),
    (SELECT created_us FROM outbox WHERE message_id = (SELECT max(message_id) FROM outbox)),
    (SELECT CAST(substr(max(position), 1, 20) AS BIGINT) FROM enterprises)

-- begin --
-- A batch starts.
BEGIN

-- keys_of_devices --
-- Devices' keys by name. A name keeps its key for ever.
SELECT k.enterprise, k.device, k.device_key
FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, device)
JOIN device_keys k ON k.enterprise = wanted.enterprise AND k.device = wanted.device

-- owners --
-- Whose credentials these are (living: 1) or were, in no order.
SELECT 1 AS living, d.device_key, d.credential_hash, k.enterprise, k.device
FROM devices d JOIN device_keys k ON k.device_key = d.device_key WHERE d.credential_hash = ANY($1::bytea[])
UNION ALL
SELECT 0, t.device_key, t.credential_hash, k.enterprise, k.device
FROM tombstones t JOIN device_keys k ON k.device_key = t.device_key WHERE t.credential_hash = ANY($1::bytea[])

-- lock_devices --
-- These devices are this transaction's, and all that is theirs.
SELECT count(*) FROM (
    SELECT device_key FROM device_keys WHERE device_key = ANY($1::text::integer[]) ORDER BY device_key FOR NO KEY UPDATE
) AS locked

-- free_devices --
-- Which of these devices nobody has locked; in no transaction, so that they are let go at once.
SELECT device_key FROM device_keys WHERE device_key = ANY($1::text::integer[]) ORDER BY device_key FOR NO KEY UPDATE SKIP LOCKED

-- load --
-- What rules ask of devices ($1), of operations by name ($2, $3), of the open ones of devices ($4), and what enterprises ($5) subscribe to.
SELECT wanted.device_key, NULL::bigint AS create_ms, NULL::smallint AS state, NULL::bigint AS deadline_us, NULL::bigint AS ended_us,
    d.record, t.record AS tombstone,
    (SELECT max(o.create_ms) FROM operations o WHERE o.device_key = wanted.device_key) AS newest_ms,
    ARRAY(
        SELECT o.create_ms FROM operations o WHERE o.device_key = wanted.device_key AND o.deadline_us IS NOT NULL ORDER BY o.create_ms
    )::text AS opened
FROM unnest($1::text::integer[]) AS wanted(device_key)
LEFT JOIN devices d ON d.device_key = wanted.device_key
LEFT JOIN tombstones t ON t.device_key = wanted.device_key
UNION ALL
SELECT o.device_key, o.create_ms, o.state, o.deadline_us, o.ended_us, o.record, NULL, NULL, NULL
FROM unnest($2::text::integer[], $3::text::bigint[]) AS wanted(device_key, create_ms)
JOIN operations o ON o.create_ms = wanted.create_ms AND o.device_key = wanted.device_key
UNION ALL
SELECT o.device_key, o.create_ms, o.state, o.deadline_us, o.ended_us, o.record, NULL, NULL, NULL
FROM unnest($4::text::integer[]) AS wanted(device_key)
JOIN operations o ON o.device_key = wanted.device_key AND o.deadline_us IS NOT NULL
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, e.record, NULL, NULL, NULL FROM enterprises e WHERE e.enterprise = ANY($5::text[])

-- devices_of_serials --
-- Who enrolled with these serials, oldest first.
SELECT s.enterprise, s.serial, s.device
FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, serial)
JOIN serials s ON s.enterprise = wanted.enterprise AND s.serial = wanted.serial
ORDER BY s.position

-- device_key_blocks --
-- Numbers that no server gets again, each standing for a block of keys.
SELECT nextval('device_key_blocks') FROM generate_series(1, $1::integer)

-- message_id_blocks --
-- Numbers that no server gets again, each standing for a block of ids.
SELECT nextval('message_id_blocks') FROM generate_series(1, $1::integer)

-- insert_device_keys --
-- New devices get their keys.
INSERT INTO device_keys (device_key, enterprise, device) SELECT * FROM unnest($1::integer[], $2::text[], $3::text[])

-- insert_operations --
-- New operations.
INSERT INTO operations (create_ms, device_key, state, deadline_us, ended_us, record)
SELECT * FROM unnest(
    $1::text::bigint[], $2::text::integer[], $3::text::smallint[], $4::text::bigint[], $5::text::bigint[], $6::bytea[]
)

-- replace_operations --
-- Operations as they are now.
INSERT INTO operations (create_ms, device_key, state, deadline_us, ended_us, record)
SELECT * FROM unnest(
    $1::text::bigint[], $2::text::integer[], $3::text::smallint[], $4::text::bigint[], $5::text::bigint[], $6::bytea[]
)
ON CONFLICT (create_ms, device_key) DO UPDATE SET
    state = excluded.state, deadline_us = excluded.deadline_us, ended_us = excluded.ended_us, record = excluded.record

-- insert_audited_operations --
-- New operations, and the blocks of the audit trail that arrive with them ($7, $8, $9): together, since another statement costs more.
WITH arrived AS (
    INSERT INTO audit_arrivals (created_us, stream, entries) SELECT * FROM unnest($7::bigint[], $8::text[], $9::bytea[])
)
INSERT INTO operations (create_ms, device_key, state, deadline_us, ended_us, record)
SELECT * FROM unnest(
    $1::text::bigint[], $2::text::integer[], $3::text::smallint[], $4::text::bigint[], $5::text::bigint[], $6::bytea[]
)

-- replace_audited_operations --
-- Operations as they are now, and the blocks that arrive with them, as above.
WITH arrived AS (
    INSERT INTO audit_arrivals (created_us, stream, entries) SELECT * FROM unnest($7::bigint[], $8::text[], $9::bytea[])
)
INSERT INTO operations (create_ms, device_key, state, deadline_us, ended_us, record)
SELECT * FROM unnest(
    $1::text::bigint[], $2::text::integer[], $3::text::smallint[], $4::text::bigint[], $5::text::bigint[], $6::bytea[]
)
ON CONFLICT (create_ms, device_key) DO UPDATE SET
    state = excluded.state, deadline_us = excluded.deadline_us, ended_us = excluded.ended_us, record = excluded.record

-- put_devices --
-- Devices as they are now.
INSERT INTO devices (device_key, enterprise, position, credential_hash, policy_name, record)
SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::bytea[])
ON CONFLICT (device_key) DO UPDATE SET
    position = excluded.position, credential_hash = excluded.credential_hash, policy_name = excluded.policy_name, record = excluded.record

-- delete_devices --
-- These devices are gone; their operations stay.
DELETE FROM devices WHERE device_key = ANY($1::integer[])

-- put_messages --
-- New messages; one with the state of the same thing makes way, passes its turn on, and is unclaimed.
INSERT INTO outbox (message_id, due_us, created_us, attempts, destination, notification_type, supersedes, data, enterprise)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::text[])
ON CONFLICT (destination, supersedes) DO UPDATE SET
    message_id = excluded.message_id, created_us = excluded.created_us,
    notification_type = excluded.notification_type, data = excluded.data, claimed_until_us = 0

-- postpone_messages --
-- Messages that were not taken are tried again later, by the server that finds them first.
UPDATE outbox o SET due_us = later.due_us, attempts = later.attempts, claimed_until_us = 0
FROM unnest($1::bigint[], $2::bigint[], $3::integer[]) AS later(message_id, due_us, attempts) WHERE o.message_id = later.message_id

-- delete_messages --
-- Messages that were taken, or given up.
DELETE FROM outbox WHERE message_id = ANY($1::bigint[])

-- claim_messages --
-- The soonest due messages to each destination that are nobody's are this server's until $2; those that another claims are passed over.
UPDATE outbox o SET claimed_until_us = $2
FROM (
    SELECT due.message_id
    FROM unnest($3::text[], $4::integer[]) AS room(destination, most)
    CROSS JOIN LATERAL (
        SELECT message_id FROM outbox WHERE destination = room.destination AND due_us <= $1 AND claimed_until_us <= $1
        ORDER BY due_us, message_id LIMIT room.most FOR NO KEY UPDATE SKIP LOCKED
    ) AS due
    LIMIT $5
) AS due
WHERE o.message_id = due.message_id
RETURNING o.message_id, o.due_us, o.created_us, o.attempts, o.destination, o.notification_type, o.data, o.enterprise

-- lock_due --
-- Operations past their deadline, oldest deadline first, whose devices are this transaction's now; those of busy devices are passed over.
SELECT k.enterprise, k.device, o.create_ms
FROM operations o JOIN device_keys k ON k.device_key = o.device_key
WHERE o.deadline_us <= $1
ORDER BY o.deadline_us, o.create_ms, o.device_key
LIMIT $2 FOR NO KEY UPDATE OF k SKIP LOCKED

-- retire_operations --
-- Operations that ended before a time, the longest ended first, are gone.
DELETE FROM operations o USING (
    SELECT create_ms, device_key FROM operations WHERE ended_us < $1 ORDER BY ended_us LIMIT $2 FOR UPDATE SKIP LOCKED
) AS old
WHERE o.create_ms = old.create_ms AND o.device_key = old.device_key
RETURNING 1

-- operations_named --
-- Operations by name, for many names.
SELECT k.enterprise, k.device, o.create_ms, o.state, o.deadline_us, o.ended_us, o.record
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS wanted(enterprise, device, create_ms)
JOIN device_keys k ON k.enterprise = wanted.enterprise AND k.device = wanted.device
JOIN operations o ON o.create_ms = wanted.create_ms AND o.device_key = k.device_key

-- operations_open --
-- The open operations of many devices, oldest first.
SELECT k.enterprise, k.device, o.create_ms, o.state, o.deadline_us, o.ended_us, o.record
FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, device)
JOIN device_keys k ON k.enterprise = wanted.enterprise AND k.device = wanted.device
JOIN operations o ON o.device_key = k.device_key AND o.deadline_us IS NOT NULL
ORDER BY o.create_ms

-- device_states --
-- What lives, or lived, under many devices' names.
SELECT k.enterprise, k.device, k.device_key, d.record, t.record
FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, device)
JOIN device_keys k ON k.enterprise = wanted.enterprise AND k.device = wanted.device
LEFT JOIN devices d ON d.device_key = k.device_key
LEFT JOIN tombstones t ON t.device_key = k.device_key

-- holders --
-- The records of those whose credentials these are or were, the newest last, the living after the dead.
SELECT 0 AS living, t.device_key, t.credential_hash, t.record FROM tombstones t WHERE t.credential_hash = ANY($1::bytea[])
UNION ALL
SELECT 1, d.device_key, d.credential_hash, d.record FROM devices d WHERE d.credential_hash = ANY($1::bytea[])
ORDER BY 1, 2

-- page_of_operations --
-- A device's operations after one of them, oldest first; read in this order, so that a page costs no more when many follow.
SELECT $1::text, $2::text, o.create_ms, o.state, o.deadline_us, o.ended_us, o.record
FROM operations o
WHERE o.device_key = (SELECT k.device_key FROM device_keys k WHERE k.enterprise = $1 AND k.device = $2) AND o.create_ms > $3
ORDER BY o.create_ms
LIMIT $4

-- newest_open --
-- Open operations that were created after a time, oldest first: what may be news to a phone.
SELECT o.create_ms, k.enterprise, k.device
FROM operations o JOIN device_keys k ON k.device_key = o.device_key
WHERE o.create_ms > $1 AND o.deadline_us IS NOT NULL
ORDER BY o.create_ms, o.device_key
LIMIT $2

-- database_bytes --
-- How large the database is.
SELECT pg_database_size(current_database())

-- append_events --
-- New events arrive: in the order of the array, and after everything that their rules have seen.
INSERT INTO event_arrivals (enterprise, created_us, notification_type, data)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[])

-- page_of_events --
-- The first of an enterprise's events after one of them, as many as are not too large together; with each, its newest number, and whether
-- events wait for theirs.
SELECT newest.last, page.number, page.created_us, page.notification_type, page.data, newest.waiting
FROM (
    SELECT coalesce((SELECT n.last FROM event_numbers n WHERE n.enterprise = $1), 0) AS last,
        EXISTS (SELECT 1 FROM event_arrivals a WHERE a.enterprise = $1) AS waiting
) AS newest
LEFT JOIN (
    SELECT few.*, sum(length(few.data)) OVER (ORDER BY few.number) - length(few.data) AS bytes_before
    FROM (SELECT * FROM events WHERE enterprise = $2 AND number > $3 ORDER BY number LIMIT $4) AS few
) AS page ON page.bytes_before < $5

-- event_waits --
-- Whether any event waits for its number.
SELECT EXISTS (SELECT 1 FROM event_arrivals)

-- delete_event_arrivals_of --
-- Of these enterprises, no event arrives.
DELETE FROM event_arrivals WHERE enterprise = ANY($1::text[])

-- delete_events_of --
-- The events of these enterprises are gone.
DELETE FROM events WHERE enterprise = ANY($1::text[])

-- retire_events --
-- Events older than a time, the oldest first, are gone, with those before them in their streams.
WITH old AS (
    SELECT enterprise, max(number) AS number FROM (
        SELECT enterprise, number FROM events WHERE created_us < $1 ORDER BY created_us LIMIT $2
    ) AS oldest GROUP BY enterprise
)
DELETE FROM events e USING old WHERE e.enterprise = old.enterprise AND e.number <= old.number
RETURNING 1

-- append_audit_arrivals --
-- New blocks of the audit trail arrive: they are linked once they are committed.
INSERT INTO audit_arrivals (created_us, stream, entries) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])

-- audit_waits --
-- The first and the last block of the audit trail that wait for their link; 0: no block does.
SELECT coalesce(min(arrival), 0), coalesce(max(arrival), 0) FROM audit_arrivals

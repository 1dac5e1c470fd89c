-- What must hold in every database: `-- name --`, one line what holds, and a statement that counts where it does not.
-- Plain SQL for both engines, but for what is marked `-- sqlite only`.

-- deadlines --
-- An operation has a deadline exactly while it is open.
SELECT count(*) FROM operations WHERE (state < 2) <> (deadline_us IS NOT NULL)

-- ends --
-- An operation says when it ended exactly once it has ended.
SELECT count(*) FROM operations WHERE (state >= 2) <> (ended_us IS NOT NULL)

-- states --
-- Every state is one that this version knows.
SELECT count(*) FROM operations WHERE state < 0 OR state > 5

-- operations_have_a_device_name --
-- Every operation belongs to a device name.
SELECT count(*) FROM operations o WHERE NOT EXISTS (SELECT 1 FROM device_keys k WHERE k.device_key = o.device_key)

-- devices_have_a_name --
-- Every device has its name.
SELECT count(*) FROM devices d WHERE NOT EXISTS (SELECT 1 FROM device_keys k WHERE k.device_key = d.device_key)

-- tombstones_have_a_name --
-- Every tombstone has its name.
SELECT count(*) FROM tombstones t WHERE NOT EXISTS (SELECT 1 FROM device_keys k WHERE k.device_key = t.device_key)

-- events_have_no_gap --
-- Every event has the one with the next number behind it, up to the newest of its enterprise.
SELECT count(*) FROM events e
WHERE NOT EXISTS (SELECT 1 FROM events n WHERE n.enterprise = e.enterprise AND n.number = e.number + 1)
    AND NOT EXISTS (SELECT 1 FROM event_numbers l WHERE l.enterprise = e.enterprise AND l.last = e.number)

-- one_watermark --
-- sqlite only: There is one watermark.
SELECT abs(count(*) - 1) FROM swept

-- index_is_complete --
-- sqlite only: Every operation up to the watermark stands in its device's index.
SELECT count(*) FROM operations o
WHERE o.create_ms <= (SELECT max(create_ms) FROM swept)
    AND NOT EXISTS (SELECT 1 FROM history h WHERE h.device_key = o.device_key AND h.create_ms = o.create_ms)

-- index_is_true --
-- sqlite only: Every row of an index is an operation.
SELECT count(*) FROM history h
WHERE NOT EXISTS (SELECT 1 FROM operations o WHERE o.create_ms = h.create_ms AND o.device_key = h.device_key)

-- Made by `make docs` from kinds.py, for people, searches and reviews: nothing reads this file. `-- engine: name --`, one line
-- what it is for, the statement. Where a statement ends in a VALUES group that Python repeats, the group stands here once.

-- sqlite: enterprises_named --
-- Enterprises by name, for many names.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN enterprises t
WHERE t.enterprise = wanted.column1

-- sqlite: page_of_enterprises --
-- Enterprises after a position, in order of creation.
SELECT record FROM enterprises WHERE position > ? ORDER BY position LIMIT ?

-- sqlite: put_enterprises --
-- Enterprises as they are now.
INSERT INTO enterprises (enterprise, position, record) VALUES (?, ?, ?)
ON CONFLICT (enterprise) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- sqlite: delete_enterprises --
-- These enterprises are gone.
DELETE FROM enterprises WHERE enterprise IN (VALUES (?))

-- postgresql: enterprises_named --
-- Enterprises by name, for many names.
SELECT t.record FROM unnest($1::text[]) AS wanted(enterprise)
JOIN enterprises t ON t.enterprise = wanted.enterprise

-- postgresql: lock_enterprises --
-- Enterprises by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[]) AS wanted(enterprise)
JOIN enterprises t ON t.enterprise = wanted.enterprise
ORDER BY t.enterprise FOR NO KEY UPDATE OF t

-- postgresql: page_of_enterprises --
-- Enterprises after a position, in order of creation.
SELECT record FROM enterprises WHERE position > $1 ORDER BY position LIMIT $2

-- postgresql: insert_enterprises --
-- Enterprises that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO enterprises (enterprise, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])

-- postgresql: put_enterprises --
-- Enterprises as they are now.
INSERT INTO enterprises (enterprise, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
ON CONFLICT (enterprise) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- postgresql: delete_enterprises --
-- These enterprises are gone.
DELETE FROM enterprises t USING unnest($1::text[]) AS gone(enterprise)
WHERE t.enterprise = gone.enterprise

-- check: every_record_of_enterprises --
-- Whether every record can be read.
SELECT record FROM enterprises

-- sqlite: tokens_named --
-- Enrolment tokens by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN tokens t
WHERE t.enterprise = wanted.column1 AND t.token = wanted.column2

-- sqlite: tokens_by_value --
-- Enrolment tokens by value, for many of these.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN tokens t
WHERE t.value = wanted.column1 ORDER BY t.position

-- sqlite: page_of_tokens --
-- Enrolment tokens of one enterprise after a position, in order of creation.
SELECT record FROM tokens WHERE enterprise = ? AND position > ? ORDER BY position LIMIT ?

-- sqlite: holding_tokens --
-- How many enrolment tokens an enterprise has, counted up to a number.
SELECT count(*), 0 FROM (SELECT 1 AS one FROM tokens WHERE enterprise = ? LIMIT ?) AS counted

-- sqlite: put_tokens --
-- Enrolment tokens as they are now.
INSERT INTO tokens (enterprise, token, position, value, record) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (enterprise, token) DO UPDATE SET
    position = excluded.position, value = excluded.value, record = excluded.record

-- sqlite: delete_tokens --
-- These enrolment tokens are gone.
DELETE FROM tokens WHERE (enterprise, token) IN (VALUES (?, ?))

-- sqlite: delete_tokens_of_enterprises --
-- The enrolment tokens of deleted enterprises go with them.
DELETE FROM tokens WHERE enterprise IN (VALUES (?))

-- postgresql: tokens_named --
-- Enrolment tokens by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, token)
JOIN tokens t ON t.enterprise = wanted.enterprise AND t.token = wanted.token

-- postgresql: lock_tokens --
-- Enrolment tokens by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, token)
JOIN tokens t ON t.enterprise = wanted.enterprise AND t.token = wanted.token
ORDER BY t.enterprise, t.token FOR NO KEY UPDATE OF t

-- postgresql: tokens_by_value --
-- Enrolment tokens by value, the oldest first.
SELECT t.record FROM tokens t WHERE t.value = ANY($1::text[]) ORDER BY t.position

-- postgresql: lock_tokens_by_value --
-- Enrolment tokens by value; they are this transaction's.
SELECT t.record FROM tokens t WHERE t.value = ANY($1::text[])
ORDER BY t.enterprise, t.token FOR NO KEY UPDATE OF t

-- postgresql: page_of_tokens --
-- Enrolment tokens of one enterprise after a position, in order of creation.
SELECT record FROM tokens WHERE enterprise = $1 AND position > $2 ORDER BY position LIMIT $3

-- postgresql: holding_tokens --
-- How many enrolment tokens an enterprise has, counted up to a number.
SELECT count(*), 0 FROM (SELECT 1 AS one FROM tokens WHERE enterprise = $1 LIMIT $2) AS counted

-- postgresql: insert_tokens --
-- Enrolment tokens that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO tokens (enterprise, token, position, value, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])

-- postgresql: put_tokens --
-- Enrolment tokens as they are now.
INSERT INTO tokens (enterprise, token, position, value, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])
ON CONFLICT (enterprise, token) DO UPDATE SET
    position = excluded.position, value = excluded.value, record = excluded.record

-- postgresql: delete_tokens --
-- These enrolment tokens are gone.
DELETE FROM tokens t USING unnest($1::text[], $2::text[]) AS gone(enterprise, token)
WHERE t.enterprise = gone.enterprise AND t.token = gone.token

-- postgresql: delete_tokens_of_enterprises --
-- The enrolment tokens of deleted enterprises go with them.
DELETE FROM tokens t USING unnest($1::text[]) AS gone(enterprise)
WHERE t.enterprise = gone.enterprise

-- check: tokens_have_an_enterprise --
-- Every enrolment token belongs to an enterprise.
SELECT count(*) FROM tokens t WHERE NOT EXISTS (SELECT 1 FROM enterprises p WHERE p.enterprise = t.enterprise)

-- check: every_record_of_tokens --
-- Whether every record can be read.
SELECT record FROM tokens

-- sqlite: policies_named --
-- Policies by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN policies t
WHERE t.enterprise = wanted.column1 AND t.policy = wanted.column2

-- sqlite: page_of_policies --
-- Policies of one enterprise after a position, in order of creation.
SELECT record FROM policies WHERE enterprise = ? AND position > ? ORDER BY position LIMIT ?

-- sqlite: holding_policies --
-- How many policies an enterprise has, counted up to a number, and the bytes of these.
SELECT count(*), coalesce(sum(bytes), 0) FROM (SELECT length(record) AS bytes FROM policies WHERE enterprise = ? LIMIT ?) AS counted

-- sqlite: put_policies --
-- Policies as they are now.
INSERT INTO policies (enterprise, policy, position, record) VALUES (?, ?, ?, ?)
ON CONFLICT (enterprise, policy) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- sqlite: delete_policies --
-- These policies are gone.
DELETE FROM policies WHERE (enterprise, policy) IN (VALUES (?, ?))

-- sqlite: delete_policies_of_enterprises --
-- The policies of deleted enterprises go with them.
DELETE FROM policies WHERE enterprise IN (VALUES (?))

-- postgresql: policies_named --
-- Policies by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, policy)
JOIN policies t ON t.enterprise = wanted.enterprise AND t.policy = wanted.policy

-- postgresql: lock_policies --
-- Policies by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, policy)
JOIN policies t ON t.enterprise = wanted.enterprise AND t.policy = wanted.policy
ORDER BY t.enterprise, t.policy FOR NO KEY UPDATE OF t

-- postgresql: page_of_policies --
-- Policies of one enterprise after a position, in order of creation.
SELECT record FROM policies WHERE enterprise = $1 AND position > $2 ORDER BY position LIMIT $3

-- postgresql: holding_policies --
-- How many policies an enterprise has, counted up to a number, and the bytes of these.
SELECT count(*), coalesce(sum(bytes), 0) FROM (SELECT length(record) AS bytes FROM policies WHERE enterprise = $1 LIMIT $2) AS counted

-- postgresql: insert_policies --
-- Policies that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO policies (enterprise, policy, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])

-- postgresql: put_policies --
-- Policies as they are now.
INSERT INTO policies (enterprise, policy, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
ON CONFLICT (enterprise, policy) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- postgresql: delete_policies --
-- These policies are gone.
DELETE FROM policies t USING unnest($1::text[], $2::text[]) AS gone(enterprise, policy)
WHERE t.enterprise = gone.enterprise AND t.policy = gone.policy

-- postgresql: delete_policies_of_enterprises --
-- The policies of deleted enterprises go with them.
DELETE FROM policies t USING unnest($1::text[]) AS gone(enterprise)
WHERE t.enterprise = gone.enterprise

-- check: policies_have_an_enterprise --
-- Every policy belongs to an enterprise.
SELECT count(*) FROM policies t WHERE NOT EXISTS (SELECT 1 FROM enterprises p WHERE p.enterprise = t.enterprise)

-- check: every_record_of_policies --
-- Whether every record can be read.
SELECT record FROM policies

-- sqlite: put_tombstones --
-- Tombstones as they are now.
INSERT INTO tombstones (device_key, credential_hash, expires_us, record) VALUES (?, ?, ?, ?)
ON CONFLICT (device_key) DO UPDATE SET
    credential_hash = excluded.credential_hash, expires_us = excluded.expires_us, record = excluded.record

-- sqlite: delete_tombstones --
-- These tombstones are gone.
DELETE FROM tombstones WHERE device_key IN (VALUES (?))

-- sqlite: tombstones_expired --
-- The tombstones past their expiry, the longest expired first.
SELECT device_key FROM tombstones WHERE expires_us <= ? ORDER BY expires_us LIMIT ?

-- postgresql: put_tombstones --
-- Tombstones as they are now.
INSERT INTO tombstones (device_key, credential_hash, expires_us, record)
SELECT * FROM unnest($1::integer[], $2::bytea[], $3::bigint[], $4::bytea[])
ON CONFLICT (device_key) DO UPDATE SET
    credential_hash = excluded.credential_hash, expires_us = excluded.expires_us, record = excluded.record

-- postgresql: retire_tombstones --
-- Tombstones past their expiry are gone.
DELETE FROM tombstones t USING (
    SELECT device_key FROM tombstones WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2 FOR UPDATE SKIP LOCKED
) AS old
WHERE t.device_key = old.device_key
RETURNING 1

-- check: every_record_of_tombstones --
-- Whether every record can be read.
SELECT record FROM tombstones

-- sqlite: requests_named --
-- Callers' requests by name, for many names.
SELECT t.enterprise, t.request_id, t.device, t.create_ms, t.digest, t.expires_us FROM (VALUES (?, ?)) AS wanted CROSS JOIN requests t
WHERE t.enterprise = wanted.column1 AND t.request_id = wanted.column2

-- sqlite: holding_requests --
-- How many callers' requests an enterprise has, counted up to a number.
SELECT count(*), 0 FROM (SELECT 1 AS one FROM requests WHERE enterprise = ? LIMIT ?) AS counted

-- sqlite: put_requests --
-- Callers' requests as they are now.
INSERT INTO requests (enterprise, request_id, device, create_ms, digest, expires_us) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (enterprise, request_id) DO UPDATE SET
    device = excluded.device, create_ms = excluded.create_ms, digest = excluded.digest, expires_us = excluded.expires_us

-- sqlite: delete_requests --
-- These callers' requests are gone.
DELETE FROM requests WHERE (enterprise, request_id) IN (VALUES (?, ?))

-- sqlite: forget_requests_of_device --
-- Sandbox: the callers' requests of a device never were.
DELETE FROM requests WHERE enterprise = ? AND device = ?

-- sqlite: requests_expired --
-- The callers' requests past their expiry, the longest expired first.
SELECT enterprise, request_id FROM requests WHERE expires_us <= ? ORDER BY expires_us LIMIT ?

-- postgresql: requests_named --
-- Callers' requests by name, for many names.
SELECT t.enterprise, t.request_id, t.device, t.create_ms, t.digest, t.expires_us FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, request_id)
JOIN requests t ON t.enterprise = wanted.enterprise AND t.request_id = wanted.request_id

-- postgresql: lock_requests --
-- Callers' requests by name; they are this transaction's.
SELECT t.enterprise, t.request_id, t.device, t.create_ms, t.digest, t.expires_us FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, request_id)
JOIN requests t ON t.enterprise = wanted.enterprise AND t.request_id = wanted.request_id
ORDER BY t.enterprise, t.request_id FOR NO KEY UPDATE OF t

-- postgresql: holding_requests --
-- How many callers' requests an enterprise has, counted up to a number.
SELECT count(*), 0 FROM (SELECT 1 AS one FROM requests WHERE enterprise = $1 LIMIT $2) AS counted

-- postgresql: insert_requests --
-- Callers' requests that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO requests (enterprise, request_id, device, create_ms, digest, expires_us)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[], $6::bigint[])

-- postgresql: put_requests --
-- Callers' requests as they are now.
INSERT INTO requests (enterprise, request_id, device, create_ms, digest, expires_us)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[], $6::bigint[])
ON CONFLICT (enterprise, request_id) DO UPDATE SET
    device = excluded.device, create_ms = excluded.create_ms, digest = excluded.digest, expires_us = excluded.expires_us

-- postgresql: delete_requests --
-- These callers' requests are gone.
DELETE FROM requests t USING unnest($1::text[], $2::text[]) AS gone(enterprise, request_id)
WHERE t.enterprise = gone.enterprise AND t.request_id = gone.request_id

-- postgresql: retire_requests --
-- Callers' requests past their expiry are gone.
DELETE FROM requests t USING (
    SELECT enterprise, request_id FROM requests WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2 FOR UPDATE SKIP LOCKED
) AS old
WHERE t.enterprise = old.enterprise AND t.request_id = old.request_id
RETURNING 1

-- sqlite: put_serials --
-- Serial numbers as they are now.
INSERT INTO serials (enterprise, serial, position, device) VALUES (?, ?, ?, ?)
ON CONFLICT (enterprise, serial, position) DO UPDATE SET
    device = excluded.device

-- sqlite: forget_serials_of_device --
-- Sandbox: the serial numbers of a device never were.
DELETE FROM serials WHERE enterprise = ? AND device = ?

-- postgresql: put_serials --
-- Serial numbers as they are now.
INSERT INTO serials (enterprise, serial, position, device)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (enterprise, serial, position) DO UPDATE SET
    device = excluded.device

-- sqlite: statuses_named --
-- Devices' statuses by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN statuses t
WHERE t.enterprise = wanted.column1 AND t.device = wanted.column2

-- sqlite: put_statuses --
-- Devices' statuses as they are now.
INSERT INTO statuses (enterprise, device, record) VALUES (?, ?, ?)
ON CONFLICT (enterprise, device) DO UPDATE SET
    record = excluded.record

-- sqlite: delete_statuses --
-- These devices' statuses are gone.
DELETE FROM statuses WHERE (enterprise, device) IN (VALUES (?, ?))

-- sqlite: delete_statuses_of_enterprises --
-- The devices' statuses of deleted enterprises go with them.
DELETE FROM statuses WHERE enterprise IN (VALUES (?))

-- sqlite: forget_statuses_of_device --
-- Sandbox: the devices' statuses of a device never were.
DELETE FROM statuses WHERE enterprise = ? AND device = ?

-- postgresql: statuses_named --
-- Devices' statuses by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, device)
JOIN statuses t ON t.enterprise = wanted.enterprise AND t.device = wanted.device

-- postgresql: lock_statuses --
-- Devices' statuses by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, device)
JOIN statuses t ON t.enterprise = wanted.enterprise AND t.device = wanted.device
ORDER BY t.enterprise, t.device FOR NO KEY UPDATE OF t

-- postgresql: insert_statuses --
-- Devices' statuses that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO statuses (enterprise, device, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])

-- postgresql: put_statuses --
-- Devices' statuses as they are now.
INSERT INTO statuses (enterprise, device, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
ON CONFLICT (enterprise, device) DO UPDATE SET
    record = excluded.record

-- postgresql: delete_statuses --
-- These devices' statuses are gone.
DELETE FROM statuses t USING unnest($1::text[], $2::text[]) AS gone(enterprise, device)
WHERE t.enterprise = gone.enterprise AND t.device = gone.device

-- postgresql: delete_statuses_of_enterprises --
-- The devices' statuses of deleted enterprises go with them.
DELETE FROM statuses t USING unnest($1::text[]) AS gone(enterprise)
WHERE t.enterprise = gone.enterprise

-- check: statuses_have_an_enterprise --
-- Every device's status belongs to an enterprise.
SELECT count(*) FROM statuses t WHERE NOT EXISTS (SELECT 1 FROM enterprises p WHERE p.enterprise = t.enterprise)

-- check: every_record_of_statuses --
-- Whether every record can be read.
SELECT record FROM statuses

-- sqlite: service_keys_named --
-- Service-account keys by name, for many names.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN service_keys t
WHERE t.key_id = wanted.column1

-- sqlite: service_keys_by_client_email --
-- Service-account keys by client_email, for many of these.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN service_keys t
WHERE t.client_email = wanted.column1 ORDER BY t.position

-- sqlite: list_of_service_keys --
-- Service-account keys after a position, in order of creation.
SELECT record FROM service_keys WHERE position > ? ORDER BY position LIMIT ?

-- sqlite: put_service_keys --
-- Service-account keys as they are now.
INSERT INTO service_keys (key_id, client_email, position, record) VALUES (?, ?, ?, ?)
ON CONFLICT (key_id) DO UPDATE SET
    client_email = excluded.client_email, position = excluded.position, record = excluded.record

-- sqlite: delete_service_keys --
-- These service-account keys are gone.
DELETE FROM service_keys WHERE key_id IN (VALUES (?))

-- postgresql: service_keys_named --
-- Service-account keys by name, for many names.
SELECT t.record FROM unnest($1::text[]) AS wanted(key_id)
JOIN service_keys t ON t.key_id = wanted.key_id

-- postgresql: lock_service_keys --
-- Service-account keys by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[]) AS wanted(key_id)
JOIN service_keys t ON t.key_id = wanted.key_id
ORDER BY t.key_id FOR NO KEY UPDATE OF t

-- postgresql: service_keys_by_client_email --
-- Service-account keys by client_email, the oldest first.
SELECT t.record FROM service_keys t WHERE t.client_email = ANY($1::text[]) ORDER BY t.position

-- postgresql: lock_service_keys_by_client_email --
-- Service-account keys by client_email; they are this transaction's.
SELECT t.record FROM service_keys t WHERE t.client_email = ANY($1::text[])
ORDER BY t.key_id FOR NO KEY UPDATE OF t

-- postgresql: list_of_service_keys --
-- Service-account keys after a position, in order of creation.
SELECT record FROM service_keys WHERE position > $1 ORDER BY position LIMIT $2

-- postgresql: insert_service_keys --
-- Service-account keys that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO service_keys (key_id, client_email, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])

-- postgresql: put_service_keys --
-- Service-account keys as they are now.
INSERT INTO service_keys (key_id, client_email, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
ON CONFLICT (key_id) DO UPDATE SET
    client_email = excluded.client_email, position = excluded.position, record = excluded.record

-- postgresql: delete_service_keys --
-- These service-account keys are gone.
DELETE FROM service_keys t USING unnest($1::text[]) AS gone(key_id)
WHERE t.key_id = gone.key_id

-- check: every_record_of_service_keys --
-- Whether every record can be read.
SELECT record FROM service_keys

-- sqlite: key_addresses_named --
-- Addresses of keys by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN key_addresses t
WHERE t.key_id = wanted.column1 AND t.address = wanted.column2

-- sqlite: put_key_addresses --
-- Addresses of keys as they are now.
INSERT INTO key_addresses (key_id, address, record) VALUES (?, ?, ?)
ON CONFLICT (key_id, address) DO UPDATE SET
    record = excluded.record

-- sqlite: delete_key_addresses --
-- These addresses of keys are gone.
DELETE FROM key_addresses WHERE (key_id, address) IN (VALUES (?, ?))

-- sqlite: delete_key_addresses_of_service_keys --
-- The addresses of keys of deleted service-account keys go with them.
DELETE FROM key_addresses WHERE key_id IN (VALUES (?))

-- postgresql: key_addresses_named --
-- Addresses of keys by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(key_id, address)
JOIN key_addresses t ON t.key_id = wanted.key_id AND t.address = wanted.address

-- postgresql: lock_key_addresses --
-- Addresses of keys by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(key_id, address)
JOIN key_addresses t ON t.key_id = wanted.key_id AND t.address = wanted.address
ORDER BY t.key_id, t.address FOR NO KEY UPDATE OF t

-- postgresql: insert_key_addresses --
-- Addresses of keys that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO key_addresses (key_id, address, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])

-- postgresql: put_key_addresses --
-- Addresses of keys as they are now.
INSERT INTO key_addresses (key_id, address, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
ON CONFLICT (key_id, address) DO UPDATE SET
    record = excluded.record

-- postgresql: delete_key_addresses --
-- These addresses of keys are gone.
DELETE FROM key_addresses t USING unnest($1::text[], $2::text[]) AS gone(key_id, address)
WHERE t.key_id = gone.key_id AND t.address = gone.address

-- postgresql: delete_key_addresses_of_service_keys --
-- The addresses of keys of deleted service-account keys go with them.
DELETE FROM key_addresses t USING unnest($1::text[]) AS gone(key_id)
WHERE t.key_id = gone.key_id

-- check: key_addresses_have_a_service_account_key --
-- Every address of a key belongs to a service-account key.
SELECT count(*) FROM key_addresses t WHERE NOT EXISTS (SELECT 1 FROM service_keys p WHERE p.key_id = t.key_id)

-- check: every_record_of_key_addresses --
-- Whether every record can be read.
SELECT record FROM key_addresses

-- sqlite: key_uses_named --
-- Keys' last uses by name, for many names.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN key_uses t
WHERE t.key_id = wanted.column1

-- sqlite: list_of_key_uses --
-- Keys' last uses after a position, in order of creation.
SELECT record FROM key_uses WHERE position > ? ORDER BY position LIMIT ?

-- sqlite: put_key_uses --
-- Keys' last uses as they are now.
INSERT INTO key_uses (key_id, position, record) VALUES (?, ?, ?)
ON CONFLICT (key_id) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- sqlite: delete_key_uses --
-- These keys' last uses are gone.
DELETE FROM key_uses WHERE key_id IN (VALUES (?))

-- postgresql: key_uses_named --
-- Keys' last uses by name, for many names.
SELECT t.record FROM unnest($1::text[]) AS wanted(key_id)
JOIN key_uses t ON t.key_id = wanted.key_id

-- postgresql: lock_key_uses --
-- Keys' last uses by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[]) AS wanted(key_id)
JOIN key_uses t ON t.key_id = wanted.key_id
ORDER BY t.key_id FOR NO KEY UPDATE OF t

-- postgresql: list_of_key_uses --
-- Keys' last uses after a position, in order of creation.
SELECT record FROM key_uses WHERE position > $1 ORDER BY position LIMIT $2

-- postgresql: insert_key_uses --
-- Keys' last uses that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO key_uses (key_id, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])

-- postgresql: put_key_uses --
-- Keys' last uses as they are now.
INSERT INTO key_uses (key_id, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
ON CONFLICT (key_id) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- postgresql: delete_key_uses --
-- These keys' last uses are gone.
DELETE FROM key_uses t USING unnest($1::text[]) AS gone(key_id)
WHERE t.key_id = gone.key_id

-- check: every_record_of_key_uses --
-- Whether every record can be read.
SELECT record FROM key_uses

-- sqlite: roles_named --
-- Roles by name, for many names.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN roles t
WHERE t.role = wanted.column1

-- sqlite: list_of_roles --
-- Roles after a position, in order of creation.
SELECT record FROM roles WHERE position > ? ORDER BY position LIMIT ?

-- sqlite: put_roles --
-- Roles as they are now.
INSERT INTO roles (role, position, record) VALUES (?, ?, ?)
ON CONFLICT (role) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- sqlite: delete_roles --
-- These roles are gone.
DELETE FROM roles WHERE role IN (VALUES (?))

-- postgresql: roles_named --
-- Roles by name, for many names.
SELECT t.record FROM unnest($1::text[]) AS wanted(role)
JOIN roles t ON t.role = wanted.role

-- postgresql: lock_roles --
-- Roles by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[]) AS wanted(role)
JOIN roles t ON t.role = wanted.role
ORDER BY t.role FOR NO KEY UPDATE OF t

-- postgresql: list_of_roles --
-- Roles after a position, in order of creation.
SELECT record FROM roles WHERE position > $1 ORDER BY position LIMIT $2

-- postgresql: insert_roles --
-- Roles that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO roles (role, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])

-- postgresql: put_roles --
-- Roles as they are now.
INSERT INTO roles (role, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
ON CONFLICT (role) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- postgresql: delete_roles --
-- These roles are gone.
DELETE FROM roles t USING unnest($1::text[]) AS gone(role)
WHERE t.role = gone.role

-- check: every_record_of_roles --
-- Whether every record can be read.
SELECT record FROM roles

-- sqlite: role_bindings_named --
-- Role bindings by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN role_bindings t
WHERE t.who = wanted.column1 AND t.role = wanted.column2

-- sqlite: list_of_role_bindings --
-- Role bindings after a position, in order of creation.
SELECT record FROM role_bindings WHERE position > ? ORDER BY position LIMIT ?

-- sqlite: put_role_bindings --
-- Role bindings as they are now.
INSERT INTO role_bindings (who, role, position, record) VALUES (?, ?, ?, ?)
ON CONFLICT (who, role) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- sqlite: delete_role_bindings --
-- These role bindings are gone.
DELETE FROM role_bindings WHERE (who, role) IN (VALUES (?, ?))

-- postgresql: role_bindings_named --
-- Role bindings by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(who, role)
JOIN role_bindings t ON t.who = wanted.who AND t.role = wanted.role

-- postgresql: lock_role_bindings --
-- Role bindings by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(who, role)
JOIN role_bindings t ON t.who = wanted.who AND t.role = wanted.role
ORDER BY t.who, t.role FOR NO KEY UPDATE OF t

-- postgresql: list_of_role_bindings --
-- Role bindings after a position, in order of creation.
SELECT record FROM role_bindings WHERE position > $1 ORDER BY position LIMIT $2

-- postgresql: insert_role_bindings --
-- Role bindings that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO role_bindings (who, role, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])

-- postgresql: put_role_bindings --
-- Role bindings as they are now.
INSERT INTO role_bindings (who, role, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
ON CONFLICT (who, role) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- postgresql: delete_role_bindings --
-- These role bindings are gone.
DELETE FROM role_bindings t USING unnest($1::text[], $2::text[]) AS gone(who, role)
WHERE t.who = gone.who AND t.role = gone.role

-- check: every_record_of_role_bindings --
-- Whether every record can be read.
SELECT record FROM role_bindings

-- sqlite: access_states_named --
-- States of access by name, for many names.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN access_states t
WHERE t.what = wanted.column1

-- sqlite: put_access_states --
-- States of access as they are now.
INSERT INTO access_states (what, record) VALUES (?, ?)
ON CONFLICT (what) DO UPDATE SET
    record = excluded.record

-- sqlite: delete_access_states --
-- These states of access are gone.
DELETE FROM access_states WHERE what IN (VALUES (?))

-- postgresql: access_states_named --
-- States of access by name, for many names.
SELECT t.record FROM unnest($1::text[]) AS wanted(what)
JOIN access_states t ON t.what = wanted.what

-- postgresql: lock_access_states --
-- States of access by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[]) AS wanted(what)
JOIN access_states t ON t.what = wanted.what
ORDER BY t.what FOR NO KEY UPDATE OF t

-- postgresql: insert_access_states --
-- States of access that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO access_states (what, record)
SELECT * FROM unnest($1::text[], $2::bytea[])

-- postgresql: put_access_states --
-- States of access as they are now.
INSERT INTO access_states (what, record)
SELECT * FROM unnest($1::text[], $2::bytea[])
ON CONFLICT (what) DO UPDATE SET
    record = excluded.record

-- postgresql: delete_access_states --
-- These states of access are gone.
DELETE FROM access_states t USING unnest($1::text[]) AS gone(what)
WHERE t.what = gone.what

-- check: every_record_of_access_states --
-- Whether every record can be read.
SELECT record FROM access_states

-- sqlite: tallies_named --
-- Tallies by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN tallies t
WHERE t.actor = wanted.column1 AND t.what = wanted.column2

-- sqlite: put_tallies --
-- Tallies as they are now.
INSERT INTO tallies (actor, what, expires_us, record) VALUES (?, ?, ?, ?)
ON CONFLICT (actor, what) DO UPDATE SET
    expires_us = excluded.expires_us, record = excluded.record

-- sqlite: delete_tallies --
-- These tallies are gone.
DELETE FROM tallies WHERE (actor, what) IN (VALUES (?, ?))

-- sqlite: tallies_expired --
-- The tallies past their expiry, the longest expired first.
SELECT actor, what FROM tallies WHERE expires_us <= ? ORDER BY expires_us LIMIT ?

-- postgresql: tallies_named --
-- Tallies by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(actor, what)
JOIN tallies t ON t.actor = wanted.actor AND t.what = wanted.what

-- postgresql: lock_tallies --
-- Tallies by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(actor, what)
JOIN tallies t ON t.actor = wanted.actor AND t.what = wanted.what
ORDER BY t.actor, t.what FOR NO KEY UPDATE OF t

-- postgresql: insert_tallies --
-- Tallies that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO tallies (actor, what, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])

-- postgresql: put_tallies --
-- Tallies as they are now.
INSERT INTO tallies (actor, what, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])
ON CONFLICT (actor, what) DO UPDATE SET
    expires_us = excluded.expires_us, record = excluded.record

-- postgresql: delete_tallies --
-- These tallies are gone.
DELETE FROM tallies t USING unnest($1::text[], $2::text[]) AS gone(actor, what)
WHERE t.actor = gone.actor AND t.what = gone.what

-- postgresql: retire_tallies --
-- Tallies past their expiry are gone.
DELETE FROM tallies t USING (
    SELECT actor, what FROM tallies WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2 FOR UPDATE SKIP LOCKED
) AS old
WHERE t.actor = old.actor AND t.what = old.what
RETURNING 1

-- check: every_record_of_tallies --
-- Whether every record can be read.
SELECT record FROM tallies

-- sqlite: dead_letters_named --
-- Dead letters by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN dead_letters t
WHERE t.enterprise = wanted.column1 AND t.message_id = wanted.column2

-- sqlite: page_of_dead_letters --
-- Dead letters of one enterprise after a position, in order of creation.
SELECT record FROM dead_letters WHERE enterprise = ? AND position > ? AND expires_us > ? ORDER BY position LIMIT ?

-- sqlite: holding_dead_letters --
-- How many dead letters an enterprise has, counted up to a number.
SELECT count(*), 0 FROM (SELECT 1 AS one FROM dead_letters WHERE enterprise = ? LIMIT ?) AS counted

-- sqlite: put_dead_letters --
-- Dead letters as they are now.
INSERT INTO dead_letters (enterprise, message_id, position, expires_us, record) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (enterprise, message_id) DO UPDATE SET
    position = excluded.position, expires_us = excluded.expires_us, record = excluded.record

-- sqlite: delete_dead_letters --
-- These dead letters are gone.
DELETE FROM dead_letters WHERE (enterprise, message_id) IN (VALUES (?, ?))

-- sqlite: delete_dead_letters_of_enterprises --
-- The dead letters of deleted enterprises go with them.
DELETE FROM dead_letters WHERE enterprise IN (VALUES (?))

-- sqlite: dead_letters_expired --
-- The dead letters past their expiry, the longest expired first.
SELECT enterprise, message_id FROM dead_letters WHERE expires_us <= ? ORDER BY expires_us LIMIT ?

-- postgresql: dead_letters_named --
-- Dead letters by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::bigint[]) AS wanted(enterprise, message_id)
JOIN dead_letters t ON t.enterprise = wanted.enterprise AND t.message_id = wanted.message_id

-- postgresql: lock_dead_letters --
-- Dead letters by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::bigint[]) AS wanted(enterprise, message_id)
JOIN dead_letters t ON t.enterprise = wanted.enterprise AND t.message_id = wanted.message_id
ORDER BY t.enterprise, t.message_id FOR NO KEY UPDATE OF t

-- postgresql: page_of_dead_letters --
-- Dead letters of one enterprise after a position, in order of creation.
SELECT record FROM dead_letters WHERE enterprise = $1 AND position > $2 AND expires_us > $3 ORDER BY position LIMIT $4

-- postgresql: holding_dead_letters --
-- How many dead letters an enterprise has, counted up to a number.
SELECT count(*), 0 FROM (SELECT 1 AS one FROM dead_letters WHERE enterprise = $1 LIMIT $2) AS counted

-- postgresql: insert_dead_letters --
-- Dead letters that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO dead_letters (enterprise, message_id, position, expires_us, record)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[])

-- postgresql: put_dead_letters --
-- Dead letters as they are now.
INSERT INTO dead_letters (enterprise, message_id, position, expires_us, record)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[])
ON CONFLICT (enterprise, message_id) DO UPDATE SET
    position = excluded.position, expires_us = excluded.expires_us, record = excluded.record

-- postgresql: delete_dead_letters --
-- These dead letters are gone.
DELETE FROM dead_letters t USING unnest($1::text[], $2::bigint[]) AS gone(enterprise, message_id)
WHERE t.enterprise = gone.enterprise AND t.message_id = gone.message_id

-- postgresql: delete_dead_letters_of_enterprises --
-- The dead letters of deleted enterprises go with them.
DELETE FROM dead_letters t USING unnest($1::text[]) AS gone(enterprise)
WHERE t.enterprise = gone.enterprise

-- postgresql: retire_dead_letters --
-- Dead letters past their expiry are gone.
DELETE FROM dead_letters t USING (
    SELECT enterprise, message_id FROM dead_letters WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2 FOR UPDATE SKIP LOCKED
) AS old
WHERE t.enterprise = old.enterprise AND t.message_id = old.message_id
RETURNING 1

-- check: dead_letters_have_an_enterprise --
-- Every dead letter belongs to an enterprise.
SELECT count(*) FROM dead_letters t WHERE NOT EXISTS (SELECT 1 FROM enterprises p WHERE p.enterprise = t.enterprise)

-- check: every_record_of_dead_letters --
-- Whether every record can be read.
SELECT record FROM dead_letters

-- sqlite: web_apps_named --
-- Web apps by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN web_apps t
WHERE t.enterprise = wanted.column1 AND t.package_name = wanted.column2

-- sqlite: page_of_web_apps --
-- Web apps of one enterprise after a position, in order of creation.
SELECT record FROM web_apps WHERE enterprise = ? AND position > ? ORDER BY position LIMIT ?

-- sqlite: holding_web_apps --
-- How many web apps an enterprise has, counted up to a number.
SELECT count(*), 0 FROM (SELECT 1 AS one FROM web_apps WHERE enterprise = ? LIMIT ?) AS counted

-- sqlite: put_web_apps --
-- Web apps as they are now.
INSERT INTO web_apps (enterprise, package_name, position, record) VALUES (?, ?, ?, ?)
ON CONFLICT (enterprise, package_name) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- sqlite: delete_web_apps --
-- These web apps are gone.
DELETE FROM web_apps WHERE (enterprise, package_name) IN (VALUES (?, ?))

-- sqlite: delete_web_apps_of_enterprises --
-- The web apps of deleted enterprises go with them.
DELETE FROM web_apps WHERE enterprise IN (VALUES (?))

-- postgresql: web_apps_named --
-- Web apps by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, package_name)
JOIN web_apps t ON t.enterprise = wanted.enterprise AND t.package_name = wanted.package_name

-- postgresql: lock_web_apps --
-- Web apps by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, package_name)
JOIN web_apps t ON t.enterprise = wanted.enterprise AND t.package_name = wanted.package_name
ORDER BY t.enterprise, t.package_name FOR NO KEY UPDATE OF t

-- postgresql: page_of_web_apps --
-- Web apps of one enterprise after a position, in order of creation.
SELECT record FROM web_apps WHERE enterprise = $1 AND position > $2 ORDER BY position LIMIT $3

-- postgresql: holding_web_apps --
-- How many web apps an enterprise has, counted up to a number.
SELECT count(*), 0 FROM (SELECT 1 AS one FROM web_apps WHERE enterprise = $1 LIMIT $2) AS counted

-- postgresql: insert_web_apps --
-- Web apps that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO web_apps (enterprise, package_name, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])

-- postgresql: put_web_apps --
-- Web apps as they are now.
INSERT INTO web_apps (enterprise, package_name, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
ON CONFLICT (enterprise, package_name) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- postgresql: delete_web_apps --
-- These web apps are gone.
DELETE FROM web_apps t USING unnest($1::text[], $2::text[]) AS gone(enterprise, package_name)
WHERE t.enterprise = gone.enterprise AND t.package_name = gone.package_name

-- postgresql: delete_web_apps_of_enterprises --
-- The web apps of deleted enterprises go with them.
DELETE FROM web_apps t USING unnest($1::text[]) AS gone(enterprise)
WHERE t.enterprise = gone.enterprise

-- check: web_apps_have_an_enterprise --
-- Every web app belongs to an enterprise.
SELECT count(*) FROM web_apps t WHERE NOT EXISTS (SELECT 1 FROM enterprises p WHERE p.enterprise = t.enterprise)

-- check: every_record_of_web_apps --
-- Whether every record can be read.
SELECT record FROM web_apps

-- sqlite: reservations_named --
-- Reservations by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN reservations t
WHERE t.enterprise = wanted.column1 AND t.serial = wanted.column2

-- sqlite: page_of_reservations --
-- Reservations of one enterprise after a position, in order of creation.
SELECT record FROM reservations WHERE enterprise = ? AND position > ? ORDER BY position LIMIT ?

-- sqlite: put_reservations --
-- Reservations as they are now.
INSERT INTO reservations (enterprise, serial, position, record) VALUES (?, ?, ?, ?)
ON CONFLICT (enterprise, serial) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- sqlite: delete_reservations --
-- These reservations are gone.
DELETE FROM reservations WHERE (enterprise, serial) IN (VALUES (?, ?))

-- sqlite: delete_reservations_of_enterprises --
-- The reservations of deleted enterprises go with them.
DELETE FROM reservations WHERE enterprise IN (VALUES (?))

-- postgresql: reservations_named --
-- Reservations by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, serial)
JOIN reservations t ON t.enterprise = wanted.enterprise AND t.serial = wanted.serial

-- postgresql: lock_reservations --
-- Reservations by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, serial)
JOIN reservations t ON t.enterprise = wanted.enterprise AND t.serial = wanted.serial
ORDER BY t.enterprise, t.serial FOR NO KEY UPDATE OF t

-- postgresql: page_of_reservations --
-- Reservations of one enterprise after a position, in order of creation.
SELECT record FROM reservations WHERE enterprise = $1 AND position > $2 ORDER BY position LIMIT $3

-- postgresql: insert_reservations --
-- Reservations that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO reservations (enterprise, serial, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])

-- postgresql: put_reservations --
-- Reservations as they are now.
INSERT INTO reservations (enterprise, serial, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
ON CONFLICT (enterprise, serial) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- postgresql: delete_reservations --
-- These reservations are gone.
DELETE FROM reservations t USING unnest($1::text[], $2::text[]) AS gone(enterprise, serial)
WHERE t.enterprise = gone.enterprise AND t.serial = gone.serial

-- postgresql: delete_reservations_of_enterprises --
-- The reservations of deleted enterprises go with them.
DELETE FROM reservations t USING unnest($1::text[]) AS gone(enterprise)
WHERE t.enterprise = gone.enterprise

-- check: reservations_have_an_enterprise --
-- Every reservation belongs to an enterprise.
SELECT count(*) FROM reservations t WHERE NOT EXISTS (SELECT 1 FROM enterprises p WHERE p.enterprise = t.enterprise)

-- check: every_record_of_reservations --
-- Whether every record can be read.
SELECT record FROM reservations

-- sqlite: push_endpoints_named --
-- Push endpoints by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN push_endpoints t
WHERE t.enterprise = wanted.column1 AND t.push_endpoint = wanted.column2

-- sqlite: page_of_push_endpoints --
-- Push endpoints of one enterprise after a position, in order of creation.
SELECT record FROM push_endpoints WHERE enterprise = ? AND position > ? ORDER BY position LIMIT ?

-- sqlite: holding_push_endpoints --
-- How many push endpoints an enterprise has, counted up to a number.
SELECT count(*), 0 FROM (SELECT 1 AS one FROM push_endpoints WHERE enterprise = ? LIMIT ?) AS counted

-- sqlite: put_push_endpoints --
-- Push endpoints as they are now.
INSERT INTO push_endpoints (enterprise, push_endpoint, position, record) VALUES (?, ?, ?, ?)
ON CONFLICT (enterprise, push_endpoint) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- sqlite: delete_push_endpoints --
-- These push endpoints are gone.
DELETE FROM push_endpoints WHERE (enterprise, push_endpoint) IN (VALUES (?, ?))

-- sqlite: delete_push_endpoints_of_enterprises --
-- The push endpoints of deleted enterprises go with them.
DELETE FROM push_endpoints WHERE enterprise IN (VALUES (?))

-- postgresql: push_endpoints_named --
-- Push endpoints by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, push_endpoint)
JOIN push_endpoints t ON t.enterprise = wanted.enterprise AND t.push_endpoint = wanted.push_endpoint

-- postgresql: lock_push_endpoints --
-- Push endpoints by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, push_endpoint)
JOIN push_endpoints t ON t.enterprise = wanted.enterprise AND t.push_endpoint = wanted.push_endpoint
ORDER BY t.enterprise, t.push_endpoint FOR NO KEY UPDATE OF t

-- postgresql: page_of_push_endpoints --
-- Push endpoints of one enterprise after a position, in order of creation.
SELECT record FROM push_endpoints WHERE enterprise = $1 AND position > $2 ORDER BY position LIMIT $3

-- postgresql: holding_push_endpoints --
-- How many push endpoints an enterprise has, counted up to a number.
SELECT count(*), 0 FROM (SELECT 1 AS one FROM push_endpoints WHERE enterprise = $1 LIMIT $2) AS counted

-- postgresql: insert_push_endpoints --
-- Push endpoints that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO push_endpoints (enterprise, push_endpoint, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])

-- postgresql: put_push_endpoints --
-- Push endpoints as they are now.
INSERT INTO push_endpoints (enterprise, push_endpoint, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
ON CONFLICT (enterprise, push_endpoint) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- postgresql: delete_push_endpoints --
-- These push endpoints are gone.
DELETE FROM push_endpoints t USING unnest($1::text[], $2::text[]) AS gone(enterprise, push_endpoint)
WHERE t.enterprise = gone.enterprise AND t.push_endpoint = gone.push_endpoint

-- postgresql: delete_push_endpoints_of_enterprises --
-- The push endpoints of deleted enterprises go with them.
DELETE FROM push_endpoints t USING unnest($1::text[]) AS gone(enterprise)
WHERE t.enterprise = gone.enterprise

-- check: push_endpoints_have_an_enterprise --
-- Every push endpoint belongs to an enterprise.
SELECT count(*) FROM push_endpoints t WHERE NOT EXISTS (SELECT 1 FROM enterprises p WHERE p.enterprise = t.enterprise)

-- check: every_record_of_push_endpoints --
-- Whether every record can be read.
SELECT record FROM push_endpoints

-- sqlite: signing_keys_named --
-- Signing keys by name, for many names.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN signing_keys t
WHERE t.key_id = wanted.column1

-- sqlite: page_of_signing_keys --
-- Signing keys after a position, in order of creation.
SELECT record FROM signing_keys WHERE position > ? AND expires_us > ? ORDER BY position LIMIT ?

-- sqlite: put_signing_keys --
-- Signing keys as they are now.
INSERT INTO signing_keys (key_id, position, expires_us, record) VALUES (?, ?, ?, ?)
ON CONFLICT (key_id) DO UPDATE SET
    position = excluded.position, expires_us = excluded.expires_us, record = excluded.record

-- sqlite: delete_signing_keys --
-- These signing keys are gone.
DELETE FROM signing_keys WHERE key_id IN (VALUES (?))

-- sqlite: signing_keys_expired --
-- The signing keys past their expiry, the longest expired first.
SELECT key_id FROM signing_keys WHERE expires_us <= ? ORDER BY expires_us LIMIT ?

-- postgresql: signing_keys_named --
-- Signing keys by name, for many names.
SELECT t.record FROM unnest($1::text[]) AS wanted(key_id)
JOIN signing_keys t ON t.key_id = wanted.key_id

-- postgresql: lock_signing_keys --
-- Signing keys by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[]) AS wanted(key_id)
JOIN signing_keys t ON t.key_id = wanted.key_id
ORDER BY t.key_id FOR NO KEY UPDATE OF t

-- postgresql: page_of_signing_keys --
-- Signing keys after a position, in order of creation.
SELECT record FROM signing_keys WHERE position > $1 AND expires_us > $2 ORDER BY position LIMIT $3

-- postgresql: insert_signing_keys --
-- Signing keys that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO signing_keys (key_id, position, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])

-- postgresql: put_signing_keys --
-- Signing keys as they are now.
INSERT INTO signing_keys (key_id, position, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])
ON CONFLICT (key_id) DO UPDATE SET
    position = excluded.position, expires_us = excluded.expires_us, record = excluded.record

-- postgresql: delete_signing_keys --
-- These signing keys are gone.
DELETE FROM signing_keys t USING unnest($1::text[]) AS gone(key_id)
WHERE t.key_id = gone.key_id

-- postgresql: retire_signing_keys --
-- Signing keys past their expiry are gone.
DELETE FROM signing_keys t USING (
    SELECT key_id FROM signing_keys WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2 FOR UPDATE SKIP LOCKED
) AS old
WHERE t.key_id = old.key_id
RETURNING 1

-- check: every_record_of_signing_keys --
-- Whether every record can be read.
SELECT record FROM signing_keys

-- sqlite: people_named --
-- People by name, for many names.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN people t
WHERE t.person = wanted.column1

-- sqlite: page_of_people --
-- People after a position, in order of creation.
SELECT record FROM people WHERE position > ? ORDER BY position LIMIT ?

-- sqlite: put_people --
-- People as they are now.
INSERT INTO people (person, position, record) VALUES (?, ?, ?)
ON CONFLICT (person) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- sqlite: delete_people --
-- These people are gone.
DELETE FROM people WHERE person IN (VALUES (?))

-- postgresql: people_named --
-- People by name, for many names.
SELECT t.record FROM unnest($1::text[]) AS wanted(person)
JOIN people t ON t.person = wanted.person

-- postgresql: lock_people --
-- People by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[]) AS wanted(person)
JOIN people t ON t.person = wanted.person
ORDER BY t.person FOR NO KEY UPDATE OF t

-- postgresql: page_of_people --
-- People after a position, in order of creation.
SELECT record FROM people WHERE position > $1 ORDER BY position LIMIT $2

-- postgresql: insert_people --
-- People that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO people (person, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])

-- postgresql: put_people --
-- People as they are now.
INSERT INTO people (person, position, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
ON CONFLICT (person) DO UPDATE SET
    position = excluded.position, record = excluded.record

-- postgresql: delete_people --
-- These people are gone.
DELETE FROM people t USING unnest($1::text[]) AS gone(person)
WHERE t.person = gone.person

-- check: every_record_of_people --
-- Whether every record can be read.
SELECT record FROM people

-- sqlite: passkeys_named --
-- Passkeys by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN passkeys t
WHERE t.person = wanted.column1 AND t.passkey = wanted.column2

-- sqlite: passkeys_by_credential_id --
-- Passkeys by credential_id, for many of these.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN passkeys t
WHERE t.credential_id = wanted.column1 ORDER BY t.position

-- sqlite: page_of_passkeys --
-- Passkeys of one person after a position, in order of creation.
SELECT record FROM passkeys WHERE person = ? AND position > ? ORDER BY position LIMIT ?

-- sqlite: put_passkeys --
-- Passkeys as they are now.
INSERT INTO passkeys (person, passkey, position, credential_id, record) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (person, passkey) DO UPDATE SET
    position = excluded.position, credential_id = excluded.credential_id, record = excluded.record

-- sqlite: delete_passkeys --
-- These passkeys are gone.
DELETE FROM passkeys WHERE (person, passkey) IN (VALUES (?, ?))

-- sqlite: delete_passkeys_of_people --
-- The passkeys of deleted people go with them.
DELETE FROM passkeys WHERE person IN (VALUES (?))

-- postgresql: passkeys_named --
-- Passkeys by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(person, passkey)
JOIN passkeys t ON t.person = wanted.person AND t.passkey = wanted.passkey

-- postgresql: lock_passkeys --
-- Passkeys by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(person, passkey)
JOIN passkeys t ON t.person = wanted.person AND t.passkey = wanted.passkey
ORDER BY t.person, t.passkey FOR NO KEY UPDATE OF t

-- postgresql: passkeys_by_credential_id --
-- Passkeys by credential_id, the oldest first.
SELECT t.record FROM passkeys t WHERE t.credential_id = ANY($1::text[]) ORDER BY t.position

-- postgresql: lock_passkeys_by_credential_id --
-- Passkeys by credential_id; they are this transaction's.
SELECT t.record FROM passkeys t WHERE t.credential_id = ANY($1::text[])
ORDER BY t.person, t.passkey FOR NO KEY UPDATE OF t

-- postgresql: page_of_passkeys --
-- Passkeys of one person after a position, in order of creation.
SELECT record FROM passkeys WHERE person = $1 AND position > $2 ORDER BY position LIMIT $3

-- postgresql: insert_passkeys --
-- Passkeys that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO passkeys (person, passkey, position, credential_id, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])

-- postgresql: put_passkeys --
-- Passkeys as they are now.
INSERT INTO passkeys (person, passkey, position, credential_id, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])
ON CONFLICT (person, passkey) DO UPDATE SET
    position = excluded.position, credential_id = excluded.credential_id, record = excluded.record

-- postgresql: delete_passkeys --
-- These passkeys are gone.
DELETE FROM passkeys t USING unnest($1::text[], $2::text[]) AS gone(person, passkey)
WHERE t.person = gone.person AND t.passkey = gone.passkey

-- postgresql: delete_passkeys_of_people --
-- The passkeys of deleted people go with them.
DELETE FROM passkeys t USING unnest($1::text[]) AS gone(person)
WHERE t.person = gone.person

-- check: passkeys_have_a_person --
-- Every passkey belongs to a person.
SELECT count(*) FROM passkeys t WHERE NOT EXISTS (SELECT 1 FROM people p WHERE p.person = t.person)

-- check: every_record_of_passkeys --
-- Whether every record can be read.
SELECT record FROM passkeys

-- sqlite: sessions_named --
-- Sessions by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN sessions t
WHERE t.person = wanted.column1 AND t.session = wanted.column2

-- sqlite: sessions_by_secret_hash --
-- Sessions by secret_hash, for many of these.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN sessions t
WHERE t.secret_hash = wanted.column1 ORDER BY t.position

-- sqlite: page_of_sessions --
-- Sessions of one person after a position, in order of creation.
SELECT record FROM sessions WHERE person = ? AND position > ? AND expires_us > ? ORDER BY position LIMIT ?

-- sqlite: put_sessions --
-- Sessions as they are now.
INSERT INTO sessions (person, session, position, secret_hash, expires_us, record) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (person, session) DO UPDATE SET
    position = excluded.position, secret_hash = excluded.secret_hash, expires_us = excluded.expires_us, record = excluded.record

-- sqlite: delete_sessions --
-- These sessions are gone.
DELETE FROM sessions WHERE (person, session) IN (VALUES (?, ?))

-- sqlite: delete_sessions_of_people --
-- The sessions of deleted people go with them.
DELETE FROM sessions WHERE person IN (VALUES (?))

-- sqlite: sessions_expired --
-- The sessions past their expiry, the longest expired first.
SELECT person, session FROM sessions WHERE expires_us <= ? ORDER BY expires_us LIMIT ?

-- postgresql: sessions_named --
-- Sessions by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(person, session)
JOIN sessions t ON t.person = wanted.person AND t.session = wanted.session

-- postgresql: lock_sessions --
-- Sessions by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(person, session)
JOIN sessions t ON t.person = wanted.person AND t.session = wanted.session
ORDER BY t.person, t.session FOR NO KEY UPDATE OF t

-- postgresql: sessions_by_secret_hash --
-- Sessions by secret_hash, the oldest first.
SELECT t.record FROM sessions t WHERE t.secret_hash = ANY($1::text[]) ORDER BY t.position

-- postgresql: lock_sessions_by_secret_hash --
-- Sessions by secret_hash; they are this transaction's.
SELECT t.record FROM sessions t WHERE t.secret_hash = ANY($1::text[])
ORDER BY t.person, t.session FOR NO KEY UPDATE OF t

-- postgresql: page_of_sessions --
-- Sessions of one person after a position, in order of creation.
SELECT record FROM sessions WHERE person = $1 AND position > $2 AND expires_us > $3 ORDER BY position LIMIT $4

-- postgresql: insert_sessions --
-- Sessions that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO sessions (person, session, position, secret_hash, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[])

-- postgresql: put_sessions --
-- Sessions as they are now.
INSERT INTO sessions (person, session, position, secret_hash, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[])
ON CONFLICT (person, session) DO UPDATE SET
    position = excluded.position, secret_hash = excluded.secret_hash, expires_us = excluded.expires_us, record = excluded.record

-- postgresql: delete_sessions --
-- These sessions are gone.
DELETE FROM sessions t USING unnest($1::text[], $2::text[]) AS gone(person, session)
WHERE t.person = gone.person AND t.session = gone.session

-- postgresql: delete_sessions_of_people --
-- The sessions of deleted people go with them.
DELETE FROM sessions t USING unnest($1::text[]) AS gone(person)
WHERE t.person = gone.person

-- postgresql: retire_sessions --
-- Sessions past their expiry are gone.
DELETE FROM sessions t USING (
    SELECT person, session FROM sessions WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2 FOR UPDATE SKIP LOCKED
) AS old
WHERE t.person = old.person AND t.session = old.session
RETURNING 1

-- check: sessions_have_a_person --
-- Every session belongs to a person.
SELECT count(*) FROM sessions t WHERE NOT EXISTS (SELECT 1 FROM people p WHERE p.person = t.person)

-- check: every_record_of_sessions --
-- Whether every record can be read.
SELECT record FROM sessions

-- sqlite: invitations_named --
-- Invitations by name, for many names.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN invitations t
WHERE t.invitation = wanted.column1

-- sqlite: page_of_invitations --
-- Invitations after a position, in order of creation.
SELECT record FROM invitations WHERE position > ? AND expires_us > ? ORDER BY position LIMIT ?

-- sqlite: put_invitations --
-- Invitations as they are now.
INSERT INTO invitations (invitation, position, expires_us, record) VALUES (?, ?, ?, ?)
ON CONFLICT (invitation) DO UPDATE SET
    position = excluded.position, expires_us = excluded.expires_us, record = excluded.record

-- sqlite: delete_invitations --
-- These invitations are gone.
DELETE FROM invitations WHERE invitation IN (VALUES (?))

-- sqlite: invitations_expired --
-- The invitations past their expiry, the longest expired first.
SELECT invitation FROM invitations WHERE expires_us <= ? ORDER BY expires_us LIMIT ?

-- postgresql: invitations_named --
-- Invitations by name, for many names.
SELECT t.record FROM unnest($1::text[]) AS wanted(invitation)
JOIN invitations t ON t.invitation = wanted.invitation

-- postgresql: lock_invitations --
-- Invitations by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[]) AS wanted(invitation)
JOIN invitations t ON t.invitation = wanted.invitation
ORDER BY t.invitation FOR NO KEY UPDATE OF t

-- postgresql: page_of_invitations --
-- Invitations after a position, in order of creation.
SELECT record FROM invitations WHERE position > $1 AND expires_us > $2 ORDER BY position LIMIT $3

-- postgresql: insert_invitations --
-- Invitations that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO invitations (invitation, position, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])

-- postgresql: put_invitations --
-- Invitations as they are now.
INSERT INTO invitations (invitation, position, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])
ON CONFLICT (invitation) DO UPDATE SET
    position = excluded.position, expires_us = excluded.expires_us, record = excluded.record

-- postgresql: delete_invitations --
-- These invitations are gone.
DELETE FROM invitations t USING unnest($1::text[]) AS gone(invitation)
WHERE t.invitation = gone.invitation

-- postgresql: retire_invitations --
-- Invitations past their expiry are gone.
DELETE FROM invitations t USING (
    SELECT invitation FROM invitations WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2 FOR UPDATE SKIP LOCKED
) AS old
WHERE t.invitation = old.invitation
RETURNING 1

-- check: every_record_of_invitations --
-- Whether every record can be read.
SELECT record FROM invitations

-- sqlite: spent_attempts_named --
-- Spent sign-ins by name, for many names.
SELECT t.attempt, t.expires_us FROM (VALUES (?)) AS wanted CROSS JOIN spent_attempts t
WHERE t.attempt = wanted.column1

-- sqlite: put_spent_attempts --
-- Spent sign-ins as they are now.
INSERT INTO spent_attempts (attempt, expires_us) VALUES (?, ?)
ON CONFLICT (attempt) DO UPDATE SET
    expires_us = excluded.expires_us

-- sqlite: delete_spent_attempts --
-- These spent sign-ins are gone.
DELETE FROM spent_attempts WHERE attempt IN (VALUES (?))

-- sqlite: spent_attempts_expired --
-- The spent sign-ins past their expiry, the longest expired first.
SELECT attempt FROM spent_attempts WHERE expires_us <= ? ORDER BY expires_us LIMIT ?

-- postgresql: spent_attempts_named --
-- Spent sign-ins by name, for many names.
SELECT t.attempt, t.expires_us FROM unnest($1::text[]) AS wanted(attempt)
JOIN spent_attempts t ON t.attempt = wanted.attempt

-- postgresql: lock_spent_attempts --
-- Spent sign-ins by name; they are this transaction's.
SELECT t.attempt, t.expires_us FROM unnest($1::text[]) AS wanted(attempt)
JOIN spent_attempts t ON t.attempt = wanted.attempt
ORDER BY t.attempt FOR NO KEY UPDATE OF t

-- postgresql: insert_spent_attempts --
-- Spent sign-ins that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO spent_attempts (attempt, expires_us)
SELECT * FROM unnest($1::text[], $2::bigint[])

-- postgresql: put_spent_attempts --
-- Spent sign-ins as they are now.
INSERT INTO spent_attempts (attempt, expires_us)
SELECT * FROM unnest($1::text[], $2::bigint[])
ON CONFLICT (attempt) DO UPDATE SET
    expires_us = excluded.expires_us

-- postgresql: delete_spent_attempts --
-- These spent sign-ins are gone.
DELETE FROM spent_attempts t USING unnest($1::text[]) AS gone(attempt)
WHERE t.attempt = gone.attempt

-- postgresql: retire_spent_attempts --
-- Spent sign-ins past their expiry are gone.
DELETE FROM spent_attempts t USING (
    SELECT attempt FROM spent_attempts WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2 FOR UPDATE SKIP LOCKED
) AS old
WHERE t.attempt = old.attempt
RETURNING 1

-- sqlite: openid_sources_named --
-- Sources of sessions by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN openid_sources t
WHERE t.claim = wanted.column1 AND t.digest = wanted.column2

-- sqlite: put_openid_sources --
-- Sources of sessions as they are now.
INSERT INTO openid_sources (claim, digest, expires_us, record) VALUES (?, ?, ?, ?)
ON CONFLICT (claim, digest) DO UPDATE SET
    expires_us = excluded.expires_us, record = excluded.record

-- sqlite: delete_openid_sources --
-- These sources of sessions are gone.
DELETE FROM openid_sources WHERE (claim, digest) IN (VALUES (?, ?))

-- sqlite: openid_sources_expired --
-- The sources of sessions past their expiry, the longest expired first.
SELECT claim, digest FROM openid_sources WHERE expires_us <= ? ORDER BY expires_us LIMIT ?

-- postgresql: openid_sources_named --
-- Sources of sessions by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(claim, digest)
JOIN openid_sources t ON t.claim = wanted.claim AND t.digest = wanted.digest

-- postgresql: lock_openid_sources --
-- Sources of sessions by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(claim, digest)
JOIN openid_sources t ON t.claim = wanted.claim AND t.digest = wanted.digest
ORDER BY t.claim, t.digest FOR NO KEY UPDATE OF t

-- postgresql: insert_openid_sources --
-- Sources of sessions that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO openid_sources (claim, digest, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])

-- postgresql: put_openid_sources --
-- Sources of sessions as they are now.
INSERT INTO openid_sources (claim, digest, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])
ON CONFLICT (claim, digest) DO UPDATE SET
    expires_us = excluded.expires_us, record = excluded.record

-- postgresql: delete_openid_sources --
-- These sources of sessions are gone.
DELETE FROM openid_sources t USING unnest($1::text[], $2::text[]) AS gone(claim, digest)
WHERE t.claim = gone.claim AND t.digest = gone.digest

-- postgresql: retire_openid_sources --
-- Sources of sessions past their expiry are gone.
DELETE FROM openid_sources t USING (
    SELECT claim, digest FROM openid_sources WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2 FOR UPDATE SKIP LOCKED
) AS old
WHERE t.claim = old.claim AND t.digest = old.digest
RETURNING 1

-- check: every_record_of_openid_sources --
-- Whether every record can be read.
SELECT record FROM openid_sources

-- sqlite: web_push_subscriptions_named --
-- Web push subscriptions by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN web_push_subscriptions t
WHERE t.enterprise = wanted.column1 AND t.device = wanted.column2

-- sqlite: page_of_web_push_subscriptions --
-- Web push subscriptions after a position, in order of creation.
SELECT record FROM web_push_subscriptions WHERE position > ? AND expires_us > ? ORDER BY position LIMIT ?

-- sqlite: put_web_push_subscriptions --
-- Web push subscriptions as they are now.
INSERT INTO web_push_subscriptions (enterprise, device, position, expires_us, record) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (enterprise, device) DO UPDATE SET
    position = excluded.position, expires_us = excluded.expires_us, record = excluded.record

-- sqlite: delete_web_push_subscriptions --
-- These Web Push subscriptions are gone.
DELETE FROM web_push_subscriptions WHERE (enterprise, device) IN (VALUES (?, ?))

-- sqlite: forget_web_push_subscriptions_of_device --
-- Sandbox: the Web Push subscriptions of a device never were.
DELETE FROM web_push_subscriptions WHERE enterprise = ? AND device = ?

-- sqlite: web_push_subscriptions_expired --
-- The Web Push subscriptions past their expiry, the longest expired first.
SELECT enterprise, device FROM web_push_subscriptions WHERE expires_us <= ? ORDER BY expires_us LIMIT ?

-- postgresql: web_push_subscriptions_named --
-- Web push subscriptions by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, device)
JOIN web_push_subscriptions t ON t.enterprise = wanted.enterprise AND t.device = wanted.device

-- postgresql: lock_web_push_subscriptions --
-- Web push subscriptions by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, device)
JOIN web_push_subscriptions t ON t.enterprise = wanted.enterprise AND t.device = wanted.device
ORDER BY t.enterprise, t.device FOR NO KEY UPDATE OF t

-- postgresql: page_of_web_push_subscriptions --
-- Web push subscriptions after a position, in order of creation.
SELECT record FROM web_push_subscriptions WHERE position > $1 AND expires_us > $2 ORDER BY position LIMIT $3

-- postgresql: insert_web_push_subscriptions --
-- Web push subscriptions that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO web_push_subscriptions (enterprise, device, position, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[])

-- postgresql: put_web_push_subscriptions --
-- Web push subscriptions as they are now.
INSERT INTO web_push_subscriptions (enterprise, device, position, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[])
ON CONFLICT (enterprise, device) DO UPDATE SET
    position = excluded.position, expires_us = excluded.expires_us, record = excluded.record

-- postgresql: delete_web_push_subscriptions --
-- These Web Push subscriptions are gone.
DELETE FROM web_push_subscriptions t USING unnest($1::text[], $2::text[]) AS gone(enterprise, device)
WHERE t.enterprise = gone.enterprise AND t.device = gone.device

-- postgresql: retire_web_push_subscriptions --
-- Web push subscriptions past their expiry are gone.
DELETE FROM web_push_subscriptions t USING (
    SELECT enterprise, device FROM web_push_subscriptions WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2 FOR UPDATE SKIP LOCKED
) AS old
WHERE t.enterprise = old.enterprise AND t.device = old.device
RETURNING 1

-- check: every_record_of_web_push_subscriptions --
-- Whether every record can be read.
SELECT record FROM web_push_subscriptions

-- sqlite: approval_rules_named --
-- Enterprises' approval rules by name, for many names.
SELECT t.record FROM (VALUES (?)) AS wanted CROSS JOIN approval_rules t
WHERE t.enterprise = wanted.column1

-- sqlite: put_approval_rules --
-- Enterprises' approval rules as they are now.
INSERT INTO approval_rules (enterprise, record) VALUES (?, ?)
ON CONFLICT (enterprise) DO UPDATE SET
    record = excluded.record

-- sqlite: delete_approval_rules --
-- These enterprises' approval rules are gone.
DELETE FROM approval_rules WHERE enterprise IN (VALUES (?))

-- sqlite: delete_approval_rules_of_enterprises --
-- The enterprises' approval rules of deleted enterprises go with them.
DELETE FROM approval_rules WHERE enterprise IN (VALUES (?))

-- postgresql: approval_rules_named --
-- Enterprises' approval rules by name, for many names.
SELECT t.record FROM unnest($1::text[]) AS wanted(enterprise)
JOIN approval_rules t ON t.enterprise = wanted.enterprise

-- postgresql: lock_approval_rules --
-- Enterprises' approval rules by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[]) AS wanted(enterprise)
JOIN approval_rules t ON t.enterprise = wanted.enterprise
ORDER BY t.enterprise FOR NO KEY UPDATE OF t

-- postgresql: insert_approval_rules --
-- Enterprises' approval rules that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO approval_rules (enterprise, record)
SELECT * FROM unnest($1::text[], $2::bytea[])

-- postgresql: put_approval_rules --
-- Enterprises' approval rules as they are now.
INSERT INTO approval_rules (enterprise, record)
SELECT * FROM unnest($1::text[], $2::bytea[])
ON CONFLICT (enterprise) DO UPDATE SET
    record = excluded.record

-- postgresql: delete_approval_rules --
-- These enterprises' approval rules are gone.
DELETE FROM approval_rules t USING unnest($1::text[]) AS gone(enterprise)
WHERE t.enterprise = gone.enterprise

-- postgresql: delete_approval_rules_of_enterprises --
-- The enterprises' approval rules of deleted enterprises go with them.
DELETE FROM approval_rules t USING unnest($1::text[]) AS gone(enterprise)
WHERE t.enterprise = gone.enterprise

-- check: approval_rules_have_an_enterprise --
-- Every enterprise's approval rules belongs to an enterprise.
SELECT count(*) FROM approval_rules t WHERE NOT EXISTS (SELECT 1 FROM enterprises p WHERE p.enterprise = t.enterprise)

-- check: every_record_of_approval_rules --
-- Whether every record can be read.
SELECT record FROM approval_rules

-- sqlite: approvals_named --
-- Approvals by name, for many names.
SELECT t.record FROM (VALUES (?, ?)) AS wanted CROSS JOIN approvals t
WHERE t.enterprise = wanted.column1 AND t.approval = wanted.column2

-- sqlite: page_of_approvals --
-- Approvals of one enterprise after a position, in order of creation.
SELECT record FROM approvals WHERE enterprise = ? AND position > ? AND expires_us > ? ORDER BY position LIMIT ?

-- sqlite: put_approvals --
-- Approvals as they are now.
INSERT INTO approvals (enterprise, approval, position, expires_us, record) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (enterprise, approval) DO UPDATE SET
    position = excluded.position, expires_us = excluded.expires_us, record = excluded.record

-- sqlite: delete_approvals --
-- These approvals are gone.
DELETE FROM approvals WHERE (enterprise, approval) IN (VALUES (?, ?))

-- sqlite: delete_approvals_of_enterprises --
-- The approvals of deleted enterprises go with them.
DELETE FROM approvals WHERE enterprise IN (VALUES (?))

-- sqlite: approvals_expired --
-- The approvals past their expiry, the longest expired first.
SELECT enterprise, approval FROM approvals WHERE expires_us <= ? ORDER BY expires_us LIMIT ?

-- postgresql: approvals_named --
-- Approvals by name, for many names.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, approval)
JOIN approvals t ON t.enterprise = wanted.enterprise AND t.approval = wanted.approval

-- postgresql: lock_approvals --
-- Approvals by name; they are this transaction's.
SELECT t.record FROM unnest($1::text[], $2::text[]) AS wanted(enterprise, approval)
JOIN approvals t ON t.enterprise = wanted.enterprise AND t.approval = wanted.approval
ORDER BY t.enterprise, t.approval FOR NO KEY UPDATE OF t

-- postgresql: page_of_approvals --
-- Approvals of one enterprise after a position, in order of creation.
SELECT record FROM approvals WHERE enterprise = $1 AND position > $2 AND expires_us > $3 ORDER BY position LIMIT $4

-- postgresql: insert_approvals --
-- Approvals that were looked for and not there; a unique violation says that they are there by now.
INSERT INTO approvals (enterprise, approval, position, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[])

-- postgresql: put_approvals --
-- Approvals as they are now.
INSERT INTO approvals (enterprise, approval, position, expires_us, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[])
ON CONFLICT (enterprise, approval) DO UPDATE SET
    position = excluded.position, expires_us = excluded.expires_us, record = excluded.record

-- postgresql: delete_approvals --
-- These approvals are gone.
DELETE FROM approvals t USING unnest($1::text[], $2::text[]) AS gone(enterprise, approval)
WHERE t.enterprise = gone.enterprise AND t.approval = gone.approval

-- postgresql: delete_approvals_of_enterprises --
-- The approvals of deleted enterprises go with them.
DELETE FROM approvals t USING unnest($1::text[]) AS gone(enterprise)
WHERE t.enterprise = gone.enterprise

-- postgresql: retire_approvals --
-- Approvals past their expiry are gone.
DELETE FROM approvals t USING (
    SELECT enterprise, approval FROM approvals WHERE expires_us <= $1 ORDER BY expires_us LIMIT $2 FOR UPDATE SKIP LOCKED
) AS old
WHERE t.enterprise = old.enterprise AND t.approval = old.approval
RETURNING 1

-- check: approvals_have_an_enterprise --
-- Every approval belongs to an enterprise.
SELECT count(*) FROM approvals t WHERE NOT EXISTS (SELECT 1 FROM enterprises p WHERE p.enterprise = t.enterprise)

-- check: every_record_of_approvals --
-- Whether every record can be read.
SELECT record FROM approvals

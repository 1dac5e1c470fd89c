-- A database of version 0013 as commit 07b8339 wrote it: an enterprise, and three keys, whose public halves are put in.
BEGIN TRANSACTION;
CREATE TABLE dead_letters (
    enterprise TEXT NOT NULL,
    message_id BIGINT NOT NULL,
    position TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, message_id)
);
CREATE TABLE device_keys (
    device_key INTEGER PRIMARY KEY,
    enterprise TEXT NOT NULL,
    device TEXT NOT NULL
);
CREATE TABLE devices (
    device_key INTEGER PRIMARY KEY,
    enterprise TEXT NOT NULL,
    position TEXT NOT NULL,
    credential_hash BLOB NOT NULL,
    record BLOB NOT NULL
, policy_name TEXT NOT NULL DEFAULT '');
CREATE TABLE enterprises (
    enterprise TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL,
    record BLOB NOT NULL
);
INSERT INTO "enterprises" VALUES('acme','00001795815144829256/acme',X'7B226E616D65223A5B2261636D65225D2C22637265617465645F7573223A313739353831353134343832393235362C227265736F75726365223A2265794A755957316C496A6F695A5735305A584A77636D6C7A5A584D7659574E745A534A39222C22707573685F74617267657473223A5B5D7D');
CREATE TABLE event_numbers (
    enterprise TEXT NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);
CREATE TABLE events (
    enterprise TEXT NOT NULL,
    number BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    notification_type TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (enterprise, number)
);
CREATE TABLE history (
    device_key INTEGER NOT NULL,
    create_ms BIGINT NOT NULL,
    PRIMARY KEY (device_key, create_ms)
) WITHOUT ROWID;
CREATE TABLE operations (
    create_ms BIGINT NOT NULL,
    device_key INTEGER NOT NULL,
    state SMALLINT NOT NULL,
    deadline_us BIGINT,
    ended_us BIGINT,
    record BLOB NOT NULL,
    PRIMARY KEY (create_ms, device_key)
);
CREATE TABLE outbox (
    message_id BIGINT NOT NULL PRIMARY KEY,
    due_us BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    destination TEXT NOT NULL,
    notification_type TEXT NOT NULL,
    supersedes TEXT,
    data BLOB NOT NULL
, claimed_until_us BIGINT NOT NULL DEFAULT 0, enterprise TEXT NOT NULL DEFAULT '');
CREATE TABLE policies (
    enterprise TEXT NOT NULL,
    policy TEXT NOT NULL,
    position TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, policy)
);
CREATE TABLE push_endpoints (
    enterprise TEXT NOT NULL,
    push_endpoint TEXT NOT NULL,
    position TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, push_endpoint)
);
CREATE TABLE requests (
    enterprise TEXT NOT NULL,
    request_id TEXT NOT NULL,
    device TEXT NOT NULL,
    create_ms BIGINT NOT NULL,
    digest BLOB NOT NULL,
    expires_us BIGINT NOT NULL,
    PRIMARY KEY (enterprise, request_id)
);
CREATE TABLE reservations (
    enterprise TEXT NOT NULL,
    serial TEXT NOT NULL,
    position TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, serial)
);
CREATE TABLE room (
    filler BLOB NOT NULL
);
CREATE TABLE schema_version (
    version INTEGER NOT NULL PRIMARY KEY,
    applied_us BIGINT NOT NULL
);
INSERT INTO "schema_version" VALUES(1,1795815144618670);
INSERT INTO "schema_version" VALUES(2,1795815144618670);
INSERT INTO "schema_version" VALUES(3,1795815144618670);
INSERT INTO "schema_version" VALUES(4,1795815144618670);
INSERT INTO "schema_version" VALUES(5,1795815144618670);
INSERT INTO "schema_version" VALUES(6,1795815144618670);
INSERT INTO "schema_version" VALUES(7,1795815144618670);
INSERT INTO "schema_version" VALUES(8,1795815144618670);
INSERT INTO "schema_version" VALUES(9,1795815144618670);
INSERT INTO "schema_version" VALUES(10,1795815144618670);
INSERT INTO "schema_version" VALUES(11,1795815144618670);
INSERT INTO "schema_version" VALUES(12,1795815144618670);
INSERT INTO "schema_version" VALUES(13,1795815144618670);
CREATE TABLE sealing_key (
    id INTEGER NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL
);
INSERT INTO "sealing_key" VALUES(1,X'1D3748C3A9CD7D21802F15360A31A3F9D7577DB82FAF47EC21EF12F04C5C47BD');
CREATE TABLE serials (
    enterprise TEXT NOT NULL,
    serial TEXT NOT NULL,
    position TEXT NOT NULL,
    device TEXT NOT NULL,
    PRIMARY KEY (enterprise, serial, position)
);
CREATE TABLE service_keys (
    key_id TEXT NOT NULL PRIMARY KEY,
    client_email TEXT NOT NULL,
    position TEXT NOT NULL,
    record BLOB NOT NULL
);
INSERT INTO "service_keys" VALUES('c5f50e997a1a933599bc9569b340838fb1c0e34e','admin-c5f50e99@acme.iam.heliograph.internal','00001795813200000000/c5f50e997a1a933599bc9569b340838fb1c0e34e',CAST('{"key_id":"c5f50e997a1a933599bc9569b340838fb1c0e34e","client_email":"admin-c5f50e99@acme.iam.heliograph.internal","client_id":"14264323447107261237","project_id":"acme","role":"admin","enterprises":["acme"],"public_key":"{ADMIN}","created_us":1795813200000000}' AS BLOB));
INSERT INTO "service_keys" VALUES('6d38c1e7d5c3c4d8e20c616094bd0edc99474463','viewer-6d38c1e7@acme.iam.heliograph.internal','00001795813200000000/6d38c1e7d5c3c4d8e20c616094bd0edc99474463',CAST('{"key_id":"6d38c1e7d5c3c4d8e20c616094bd0edc99474463","client_email":"viewer-6d38c1e7@acme.iam.heliograph.internal","client_id":"17093625587152700632","project_id":"acme","role":"viewer","enterprises":["acme"],"public_key":"{VIEWER}","created_us":1795813200000000}' AS BLOB));
INSERT INTO "service_keys" VALUES('f552fd6a73ec6d6034d7a7c31b0bd733113b3902','admin-f552fd6a@heliograph.iam.heliograph.internal','00001795813200000000/f552fd6a73ec6d6034d7a7c31b0bd733113b3902',CAST('{"key_id":"f552fd6a73ec6d6034d7a7c31b0bd733113b3902","client_email":"admin-f552fd6a@heliograph.iam.heliograph.internal","client_id":"17677470121035853152","project_id":"heliograph","role":"admin","enterprises":["*"],"public_key":"{EVERYWHERE}","created_us":1795813200000000}' AS BLOB));
CREATE TABLE signing_keys (
    key_id TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    record BLOB NOT NULL
);
CREATE TABLE statuses (
    enterprise TEXT NOT NULL,
    device TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, device)
);
CREATE TABLE swept (
    create_ms BIGINT NOT NULL
);
INSERT INTO "swept" VALUES(0);
CREATE TABLE tokens (
    enterprise TEXT NOT NULL,
    token TEXT NOT NULL,
    position TEXT NOT NULL,
    value TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, token)
);
CREATE TABLE tombstones (
    device_key INTEGER PRIMARY KEY,
    credential_hash BLOB NOT NULL,
    expires_us BIGINT NOT NULL,
    record BLOB NOT NULL
);
CREATE TABLE web_apps (
    enterprise TEXT NOT NULL,
    package_name TEXT NOT NULL,
    position TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, package_name)
);
CREATE UNIQUE INDEX device_keys_by_name ON device_keys (enterprise, device);
CREATE UNIQUE INDEX enterprises_in_order ON enterprises (position);
CREATE INDEX devices_in_order ON devices (enterprise, position);
CREATE INDEX devices_by_credential ON devices (credential_hash);
CREATE INDEX tombstones_by_credential ON tombstones (credential_hash);
CREATE INDEX tombstones_by_expiry ON tombstones (expires_us);
CREATE INDEX tokens_in_order ON tokens (enterprise, position);
CREATE INDEX tokens_by_value ON tokens (value);
CREATE INDEX service_keys_by_email ON service_keys (client_email);
CREATE INDEX requests_by_expiry ON requests (expires_us);
CREATE INDEX requests_to_device ON requests (enterprise, device);
CREATE INDEX outbox_by_due ON outbox (due_us, message_id);
CREATE UNIQUE INDEX outbox_by_subject ON outbox (destination, supersedes);
CREATE INDEX policies_in_order ON policies (enterprise, position);
CREATE INDEX devices_with_policy ON devices (enterprise, policy_name, position);
CREATE INDEX operations_by_deadline ON operations (deadline_us, create_ms, device_key) WHERE deadline_us IS NOT NULL;
CREATE INDEX operations_by_end ON operations (ended_us) WHERE ended_us IS NOT NULL;
CREATE INDEX web_apps_in_order ON web_apps (enterprise, position);
CREATE INDEX outbox_by_destination ON outbox (destination, due_us, message_id);
CREATE INDEX dead_letters_in_order ON dead_letters (enterprise, position);
CREATE INDEX dead_letters_by_expiry ON dead_letters (expires_us);
CREATE INDEX events_by_age ON events (created_us);
CREATE INDEX push_endpoints_in_order ON push_endpoints (enterprise, position);
CREATE INDEX signing_keys_in_order ON signing_keys (position);
CREATE INDEX signing_keys_by_expiry ON signing_keys (expires_us);
CREATE INDEX reservations_in_order ON reservations (enterprise, position);
COMMIT;

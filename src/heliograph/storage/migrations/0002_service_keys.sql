-- Public halves of service-account keys: who may call, as what, in which enterprises. The private halves are never here.
CREATE TABLE service_keys (
    key_id TEXT NOT NULL PRIMARY KEY,
    client_email TEXT NOT NULL,
    position TEXT NOT NULL,
    record BLOB NOT NULL
);
CREATE INDEX service_keys_by_email ON service_keys (client_email);

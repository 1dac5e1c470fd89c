-- People who sign in, their passkeys and sessions; the links by which they are invited; sign-ins that are done.
CREATE TABLE people (
    person TEXT NOT NULL,
    position TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (person)
);
CREATE INDEX people_in_order ON people (position);
CREATE TABLE passkeys (
    person TEXT NOT NULL,
    passkey TEXT NOT NULL,
    position TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (person, passkey)
);
CREATE INDEX passkeys_in_order ON passkeys (person, position);
CREATE UNIQUE INDEX passkeys_by_credential_id ON passkeys (credential_id);
CREATE TABLE sessions (
    person TEXT NOT NULL,
    session TEXT NOT NULL,
    position TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (person, session)
);
CREATE INDEX sessions_in_order ON sessions (person, position);
CREATE UNIQUE INDEX sessions_by_secret_hash ON sessions (secret_hash);
CREATE INDEX sessions_by_expiry ON sessions (expires_us);
CREATE TABLE invitations (
    invitation TEXT NOT NULL,
    position TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (invitation)
);
CREATE INDEX invitations_in_order ON invitations (position);
CREATE INDEX invitations_by_expiry ON invitations (expires_us);
CREATE TABLE spent_attempts (
    attempt TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    PRIMARY KEY (attempt)
);
CREATE INDEX spent_attempts_by_expiry ON spent_attempts (expires_us);

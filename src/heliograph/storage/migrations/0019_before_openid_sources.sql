-- What people's sessions came from at the identity provider, which may end them: a session there, or an account.
CREATE TABLE openid_sources (
    claim TEXT NOT NULL,
    digest TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (claim, digest)
);
CREATE INDEX openid_sources_by_expiry ON openid_sources (expires_us);

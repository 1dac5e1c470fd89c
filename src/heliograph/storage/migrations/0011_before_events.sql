-- The notifications of each enterprise as a stream, numbered 1, 2, 3, … in the order in which they can be read (ADR 0035).
CREATE TABLE events (
    enterprise TEXT NOT NULL,
    number BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    notification_type TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (enterprise, number)
);
CREATE INDEX events_by_age ON events (created_us);

-- The number of an enterprise's newest event. It stays when the events go, so that no number is given twice.
CREATE TABLE event_numbers (
    enterprise TEXT NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);

-- Several servers commit at once, in no order that a reader could follow: events get their numbers when they are committed.
-- postgresql only
CREATE TABLE event_arrivals (
    arrival BIGSERIAL PRIMARY KEY,
    enterprise TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    notification_type TEXT NOT NULL,
    data BLOB NOT NULL
);
-- postgresql only
CREATE INDEX event_arrivals_by_enterprise ON event_arrivals (enterprise);

-- Who has which phone of a lab, and when the one before gave it up. One row for each phone that was ever reserved.
CREATE TABLE reservations (
    enterprise TEXT NOT NULL,
    serial TEXT NOT NULL,
    position TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, serial)
);
CREATE INDEX reservations_in_order ON reservations (enterprise, position);

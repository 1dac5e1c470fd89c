-- What a device reports and no command is judged by: it may be long, and the row of a device is read with every command.
CREATE TABLE statuses (
    enterprise TEXT NOT NULL,
    device TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, device)
);

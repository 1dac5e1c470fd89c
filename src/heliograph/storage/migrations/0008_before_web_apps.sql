-- The web apps of an enterprise.
CREATE TABLE web_apps (
    enterprise TEXT NOT NULL,
    package_name TEXT NOT NULL,
    position TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (enterprise, package_name)
);
CREATE INDEX web_apps_in_order ON web_apps (enterprise, position);

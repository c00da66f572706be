-- What this database has had, in order. A migration that has not ended is begun again before any other.
CREATE SCHEMA IF NOT EXISTS decant;

CREATE TABLE IF NOT EXISTS decant.migrations (
    number integer PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('own', 'dictionary', 'functions')),
    name text NOT NULL,
    -- SHA-256 of the statements.
    checksum text NOT NULL,
    statements json NOT NULL,
    -- SHA-256 of the dictionary, and the dictionary itself.
    digest text,
    package json,
    applied_by text NOT NULL,
    began timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended timestamptz,
    took interval GENERATED ALWAYS AS (ended - began) STORED,
    CHECK ((kind = 'dictionary') = (digest IS NOT NULL AND package IS NOT NULL))
);

-- From the moment a migration makes a table the app may use it, and not only when all grants are made anew at the end.
GRANT USAGE ON SCHEMA decant TO decant_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA decant GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO decant_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO decant_app;

-- The ledger: what became of every run, in the transaction that wrote its rows. DynamoDB shows callers a copy.
CREATE SCHEMA IF NOT EXISTS decant;

CREATE TABLE IF NOT EXISTS decant.runs (
    id text PRIMARY KEY,
    kind text NOT NULL,
    table_name text,
    state text NOT NULL,
    bucket text,
    key text,
    version text,
    etag text,
    -- Sorts the versions of one object by age.
    object_order text,
    sha256 text,
    on_conflict text,
    -- False once a restore may have taken the rows of this content away again.
    content_stands boolean NOT NULL DEFAULT false,
    dictionary text NOT NULL,
    read bigint NOT NULL DEFAULT 0,
    inserted bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    note text,
    error jsonb,
    -- What a restore did to each table.
    result jsonb,
    started timestamptz NOT NULL,
    ended timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (read = inserted + updated + unchanged + rejected)
);

CREATE UNIQUE INDEX IF NOT EXISTS runs_content ON decant.runs (table_name, sha256, on_conflict) WHERE content_stands;
CREATE INDEX IF NOT EXISTS runs_object ON decant.runs (bucket, key);

-- One row for each rejected row: its cells as they came, and every reason.
CREATE TABLE IF NOT EXISTS decant.rejections (
    run text NOT NULL REFERENCES decant.runs (id) DEFERRABLE INITIALLY DEFERRED,
    table_name text NOT NULL,
    row bigint NOT NULL,
    line bigint,
    cells jsonb NOT NULL,
    reasons jsonb NOT NULL,
    -- The run that put a corrected row in its place.
    corrected_by text,
    PRIMARY KEY (run, table_name, row)
);

-- The first answer to each Idempotency-Key, in the transaction that did the work.
CREATE TABLE IF NOT EXISTS decant.idempotency (
    key text PRIMARY KEY,
    request text NOT NULL,
    status integer,
    answer jsonb,
    created timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS idempotency_created ON decant.idempotency (created);

-- Loads at work whose file is read in parts. What ended is in decant.runs, and nothing of it stays here.
CREATE TABLE decant.splits (
    run text PRIMARY KEY,
    -- What never changes: the object's version, its table and options, how it is cut, and what the run was begun with.
    plan jsonb NOT NULL,
    -- scan, load, publish
    step text NOT NULL,
    -- How many parts have yet to do the step.
    pending integer NOT NULL,
    -- How often the load was begun; again when the server lost what was staged.
    round integer NOT NULL DEFAULT 1,
    sha256 text,
    rows bigint NOT NULL DEFAULT 0,
    touched timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- No foreign key to the above: ending a load would wait for each part that a worker still holds.
CREATE TABLE decant.parts (
    run text NOT NULL,
    part integer NOT NULL,
    -- The first pass: what becomes of each state, how many line ends, the SHA-256 of each leaf.
    outcomes text,
    line_ends bigint,
    leaves bytea,
    -- What is before the part: the state, the lines, and in the end the rows.
    state text,
    lines bigint,
    rows_before bigint,
    -- The second pass: how many rows it staged and rejected, the first of them that has the table's width, what is
    -- wrong with the first if none has, and why the part, and so the file, can't be read.
    loaded boolean NOT NULL DEFAULT false,
    rows bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    first_fit bigint,
    misfit jsonb,
    error jsonb,
    PRIMARY KEY (run, part)
);

-- Hires of a year for each department and job, divided by quarter. A pair without a hire has no row.
-- Two departments, or jobs, of one name are told apart by nothing in the answer, and count as one.
SELECT department, job, q1, q2, q3, q4
FROM (
    SELECT
        d.department,
        j.job,
        -- Exact up to 2 ^ 53; Postgres adds bigints as numeric, which takes twice as long for many pairs.
        CAST(sum(CAST(h.q1 AS float8)) AS bigint) AS q1,
        CAST(sum(CAST(h.q2 AS float8)) AS bigint) AS q2,
        CAST(sum(CAST(h.q3 AS float8)) AS bigint) AS q3,
        CAST(sum(CAST(h.q4 AS float8)) AS bigint) AS q4
    FROM decant.hires AS h
    JOIN departments AS d ON d.id = h.department_id
    JOIN jobs AS j ON j.id = h.job_id
    WHERE h.year = CAST(:year AS smallint)
    GROUP BY d.department, j.job
) AS pairs
WHERE q1 + q2 + q3 + q4 > 0

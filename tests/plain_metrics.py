"""The metrics as plain queries over the tables: what their answers are held against."""

from __future__ import annotations

PLAIN = {
    "hires-by-quarter": """
        SELECT d.department, j.job, count(*) FILTER (WHERE h.quarter = 1), count(*) FILTER (WHERE h.quarter = 2),
            count(*) FILTER (WHERE h.quarter = 3), count(*) FILTER (WHERE h.quarter = 4)
        FROM (
            SELECT department_id, job_id, extract(quarter FROM datetime AT TIME ZONE 'UTC') AS quarter
            FROM hired_employees
            WHERE datetime >= make_timestamptz(CAST(:year AS integer), 1, 1, 0, 0, 0, 'UTC')
              AND datetime < make_timestamptz(CAST(:year AS integer) + 1, 1, 1, 0, 0, 0, 'UTC')
        ) AS h
        JOIN departments AS d ON d.id = h.department_id
        JOIN jobs AS j ON j.id = h.job_id
        GROUP BY d.department, j.job""",
    "departments-above-mean": """
        WITH hires AS (
            SELECT d.id, d.department, count(h.id) AS hired
            FROM departments AS d
            LEFT JOIN hired_employees AS h
                ON h.department_id = d.id
                AND h.datetime >= make_timestamptz(CAST(:year AS integer), 1, 1, 0, 0, 0, 'UTC')
                AND h.datetime < make_timestamptz(CAST(:year AS integer) + 1, 1, 1, 0, 0, 0, 'UTC')
            GROUP BY d.id, d.department
        ), overall AS (
            SELECT avg(hired) AS mean, count(*) AS departments, coalesce(sum(hired), 0) AS hired FROM hires
        )
        SELECT above.id, above.department, above.hired, overall.mean, overall.departments, overall.hired
        FROM overall LEFT JOIN hires AS above ON above.hired > overall.mean
        ORDER BY above.hired DESC, above.id""",
}

# What the rollup has that the rows don't, or lacks, over all years at once; no row when it is exact.
DIFFERENCES = """
    WITH counted AS (
        SELECT extract(year FROM datetime AT TIME ZONE 'UTC') AS year, department_id, job_id,
            extract(quarter FROM datetime AT TIME ZONE 'UTC') AS quarter, count(*) AS hires
        FROM hired_employees
        WHERE datetime >= '0001-01-01 00:00:00+00' AND datetime < '10000-01-01 00:00:00+00'
        GROUP BY 1, 2, 3, 4
    ), kept AS (
        SELECT year, department_id, job_id, quarter, sum(hires) AS hires
        FROM decant.hires, LATERAL (VALUES (1, q1), (2, q2), (3, q3), (4, q4)) AS each (quarter, hires)
        GROUP BY 1, 2, 3, 4 HAVING sum(hires) <> 0
    )
    (SELECT * FROM counted EXCEPT SELECT * FROM kept) UNION ALL (SELECT * FROM kept EXCEPT SELECT * FROM counted)"""

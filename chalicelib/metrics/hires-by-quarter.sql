-- Hires of a year for each department and job, divided by quarter. A pair without a hire has no row.
-- Two departments, or jobs, of one name are told apart by nothing in the answer, and count as one.
SELECT
    d.department,
    j.job,
    count(*) FILTER (WHERE h.quarter = 1),
    count(*) FILTER (WHERE h.quarter = 2),
    count(*) FILTER (WHERE h.quarter = 3),
    count(*) FILTER (WHERE h.quarter = 4)
FROM (
    SELECT department_id, job_id, extract(quarter FROM datetime AT TIME ZONE 'UTC') AS quarter
    FROM hired_employees
    -- A range of moments, not extract(year): it means UTC whatever the session's zone, and an index could serve it.
    WHERE datetime >= make_timestamptz(CAST(:year AS integer), 1, 1, 0, 0, 0, 'UTC')
      AND datetime < make_timestamptz(CAST(:year AS integer) + 1, 1, 1, 0, 0, 0, 'UTC')
) AS h
JOIN departments AS d ON d.id = h.department_id
JOIN jobs AS j ON j.id = h.job_id
GROUP BY d.department, j.job

-- Hires of a year for each department and job, divided by quarter. A pair without a hire has no row.
-- Two departments, or jobs, of one name are told apart by nothing in the answer, and count as one.
SELECT
    d.department,
    j.job,
    CAST(sum(h.q1) AS bigint),
    CAST(sum(h.q2) AS bigint),
    CAST(sum(h.q3) AS bigint),
    CAST(sum(h.q4) AS bigint)
FROM decant.hires AS h
JOIN departments AS d ON d.id = h.department_id
JOIN jobs AS j ON j.id = h.job_id
WHERE h.year = CAST(:year AS smallint)
GROUP BY d.department, j.job
HAVING sum(h.q1 + h.q2 + h.q3 + h.q4) > 0

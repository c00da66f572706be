-- Departments that hired more in a year than the mean of all departments in that year, and the mean itself.
-- The row of the mean is there even when no department is above it.
WITH hires AS (
    -- From departments outward, so that one that hired nobody counts as 0; the year belongs to the join for the same reason.
    -- Sums of float8 are exact up to 2 ^ 53, and faster than those of bigint, which are numeric.
    SELECT d.id, d.department, CAST(coalesce(sum(CAST(h.q1 + h.q2 + h.q3 + h.q4 AS float8)), 0) AS bigint) AS hired
    FROM departments AS d
    LEFT JOIN decant.hires AS h ON h.department_id = d.id AND h.year = CAST(:year AS smallint)
    GROUP BY d.id, d.department
), overall AS (
    SELECT avg(hired) AS mean, count(*) AS departments, coalesce(sum(hired), 0) AS hired FROM hires
)
SELECT above.id, above.department, above.hired, overall.mean, overall.departments, overall.hired
FROM overall
LEFT JOIN hires AS above ON above.hired > overall.mean
ORDER BY above.hired DESC, above.id

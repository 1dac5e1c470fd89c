-- What arrived gets its numbers, in the order of arrival; as one script, so that a server that hangs keeps no lock.
-- Only one at a time: what is committed later is numbered later, so a reader passes nothing over (ADR 0035).
LOCK TABLE event_numbers IN EXCLUSIVE MODE;
WITH arrived AS (
    DELETE FROM event_arrivals
    WHERE arrival IN (SELECT arrival FROM event_arrivals ORDER BY arrival LIMIT 1000 FOR UPDATE SKIP LOCKED)
    RETURNING arrival, enterprise, created_us, notification_type, data
), counted AS (
    SELECT enterprise, count(*) AS arrivals FROM arrived GROUP BY enterprise
), numbered AS (
    INSERT INTO event_numbers AS n (enterprise, last) SELECT enterprise, arrivals FROM counted
    ON CONFLICT (enterprise) DO UPDATE SET last = n.last + excluded.last
    RETURNING n.enterprise, n.last
)
INSERT INTO events (enterprise, number, created_us, notification_type, data)
SELECT a.enterprise, n.last - c.arrivals + row_number() OVER (PARTITION BY a.enterprise ORDER BY a.arrival),
    a.created_us, a.notification_type, a.data
FROM arrived a JOIN counted c ON c.enterprise = a.enterprise JOIN numbered n ON n.enterprise = a.enterprise;

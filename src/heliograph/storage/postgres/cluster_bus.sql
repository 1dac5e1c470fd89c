-- Everybody who listens on the channel hears the payload, this server too.
SELECT pg_notify($1, $2)

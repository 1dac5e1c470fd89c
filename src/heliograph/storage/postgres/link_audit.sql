-- What arrived is linked into the audit trail's chain, in the order of arrival; as one script, so that a server that hangs keeps no lock.
-- Only one at a time: what is committed later is linked later (ADR 0053). The digest is that of domain/audit.py.
LOCK TABLE audit_blocks IN SHARE ROW EXCLUSIVE MODE;
DO $$
DECLARE
    arrived RECORD;
    last_number BIGINT := 0;
    last_digest BYTEA := decode(repeat('00', 32), 'hex');
BEGIN
    SELECT b.number, b.digest INTO last_number, last_digest FROM audit_blocks b ORDER BY b.number DESC LIMIT 1;
    IF NOT FOUND THEN
        last_number := 0;
        last_digest := decode(repeat('00', 32), 'hex');
    END IF;
    FOR arrived IN SELECT * FROM audit_arrivals ORDER BY arrival LIMIT 1000 LOOP
        last_number := last_number + 1;
        last_digest := sha256(convert_to(format(
            E'heliograph audit block\n%s\n%s\n%s\n%s\n%s\n', encode(last_digest, 'hex'), last_number, arrived.created_us, arrived.stream,
            encode(sha256(arrived.entries), 'hex')
        ), 'UTF8'));
        INSERT INTO audit_blocks (number, created_us, stream, entries, digest)
            VALUES (last_number, arrived.created_us, arrived.stream, arrived.entries, last_digest);
        DELETE FROM audit_arrivals WHERE arrival = arrived.arrival;
    END LOOP;
END $$;

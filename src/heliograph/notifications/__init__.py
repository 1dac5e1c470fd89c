"""Publishers: how notifications leave the machine. Each takes a message or says why not; the outbox does the rest."""

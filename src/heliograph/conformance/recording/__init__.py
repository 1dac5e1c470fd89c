"""What a real server answers, recorded without anything that is someone's: a proxy, its redaction, and candidates for the ledger."""

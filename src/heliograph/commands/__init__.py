"""One file per command type, each one row that everything else reads."""

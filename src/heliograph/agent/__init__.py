"""The phone's side: connect, acknowledge, run, report, journal."""

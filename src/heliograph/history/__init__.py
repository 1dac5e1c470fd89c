"""The recorded history of a run, and whether the promises of design.md §6 were kept in it. Knows command types and domain, no server."""

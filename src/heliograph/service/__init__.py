"""The way of one command, a verb per file; the other verbs in the file of their resource; and the ports that all of them need."""

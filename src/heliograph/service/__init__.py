"""The way of one command, a verb per file, and the ports those verbs need."""

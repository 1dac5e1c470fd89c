"""The queue of rules that wait for a batch."""

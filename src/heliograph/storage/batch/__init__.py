"""A batch: what its rules see, and what they write."""

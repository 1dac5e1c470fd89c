"""Where rules wait for their batch."""

"""The device-facing transports: long-poll and WebSocket carrying the same messages."""

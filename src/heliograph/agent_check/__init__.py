"""Whether an agent keeps the device protocol: cases for any agent, against a real server (docs/device-protocol.md, Write an agent)."""

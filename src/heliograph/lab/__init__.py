"""The lab: real phones that this machine reaches by adb, made ready for a server (docs/lab.md)."""

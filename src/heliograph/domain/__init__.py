"""The rules of devices, commands and operations: no clock, no I/O, no async, no chance."""

"""Heliograph: an open server for Android device commands, wire-compatible with the Android Management API."""

__version__ = "0.2.0"
"""Written here and nowhere else: the package's metadata, which takes long to read, is made from it."""

"""Heliograph: an open server for Android device commands, wire-compatible with the Android Management API."""

from importlib.metadata import version

__version__ = version("heliograph")

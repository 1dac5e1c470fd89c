"""Android packages: what an APK says of itself, and who signed it."""

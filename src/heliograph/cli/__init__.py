"""The commands for people; they speak HTTP like any other client."""

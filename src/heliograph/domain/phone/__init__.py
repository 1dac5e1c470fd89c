"""The world of a virtual phone, as frozen values."""

"""proto3 JSON: messages declared, read and written as Google's servers do it; knows nothing of the Android Management API."""

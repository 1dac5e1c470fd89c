"""The Android Management API over REST: decode, one service call, encode."""

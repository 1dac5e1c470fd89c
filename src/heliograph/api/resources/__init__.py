"""A resource a file: decode, one service call, encode."""

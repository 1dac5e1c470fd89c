"""The sandbox's own pages of the console: the phones on a wall, what happens to them, and what callers sent.

They steer by the rows of `/sandbox/v1`, so a form does what the request beside it does.
"""

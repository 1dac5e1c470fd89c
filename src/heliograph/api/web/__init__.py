"""Web pages that the server renders: one layout, one style sheet, strict headers. Sign-in stands on it; a console can.

Whole without JavaScript, but for what only JavaScript can (WebAuthn). Nothing is inline, so that the policy needs no `unsafe-*`.
"""

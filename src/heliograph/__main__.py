"""``python -m heliograph`` is the same as ``heliograph``."""

from heliograph.cli import main

main()

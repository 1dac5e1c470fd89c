"""How fast Heliograph is, as ratios to a bare handler measured in the same run: `make bench` (docs/performance.md explains)."""

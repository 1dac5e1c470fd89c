"""How sure we are of what AMAPI does: claims with their evidence, and probes that ask any server for its answer (docs/conformance.md)."""

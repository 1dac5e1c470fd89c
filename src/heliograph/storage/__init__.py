"""Stores: one schema and named queries; each engine is a thin difference."""

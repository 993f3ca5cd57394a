"""Binds and runs plans; never compiles."""

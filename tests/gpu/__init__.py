"""Whole graphs on a device: built, saved, loaded and run, and compared with the reference."""

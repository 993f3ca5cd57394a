"""The tests of minirt; the folders mirror the package."""

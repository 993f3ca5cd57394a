"""Tests of element types, dimension expressions and tensor types."""

"""Tests of scalar expressions, ops and graphs."""

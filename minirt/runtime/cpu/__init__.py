"""The native CPU runner and its threads."""

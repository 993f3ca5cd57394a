"""Plans and the engine format."""

"""Real models: where they come from, inputs that mean something to them, and tests of all of minirt on them."""

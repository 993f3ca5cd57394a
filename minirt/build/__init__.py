"""Network to engine, engine to something that runs."""

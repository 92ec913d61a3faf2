"""The six tools: what each asks of the core, and the shape of its answer."""

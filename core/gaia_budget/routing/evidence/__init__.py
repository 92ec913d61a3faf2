"""What recorded outcomes say about a model's work on a task."""

"""What a workflow's program will start, read from its text."""

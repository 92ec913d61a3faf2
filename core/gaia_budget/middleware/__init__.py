"""Every call of every app counted, capped and paid once: wrap the client, keep the code."""

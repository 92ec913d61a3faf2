"""Trying it all in a home of its own: a session that is played, and this machine put to the test."""

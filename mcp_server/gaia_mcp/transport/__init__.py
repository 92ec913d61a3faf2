"""The two ways to serve: stdin and stdout, and HTTP on loopback."""

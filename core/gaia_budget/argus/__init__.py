"""The ecosystem's event files: seven shapes are read, one is written (by `gaia_hooks.session.argus`)."""

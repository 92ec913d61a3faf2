"""The machine below: paths, files, locks, clocks and programs, the same on Windows, macOS and Linux."""

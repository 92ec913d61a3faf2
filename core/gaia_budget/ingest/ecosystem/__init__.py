"""Event files and records of the apps of the ecosystem."""

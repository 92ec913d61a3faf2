"""The files on disk: finding, reading, writing, watching them, and what sessions load beside them."""

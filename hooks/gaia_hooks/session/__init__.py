"""One session: its transcripts read once, its state kept, each settled response written once."""

"""The parts of the pages, each from one report: figures as text, and their charts."""

"""The environment that the program lives in, made by `install.py`: standard library alone."""

"""One definition of every fact, used by hooks and core alike: what a row counts, costs and belongs to."""

"""What stays in L1, and why: pure, the same source gives the same plan."""

"""The questions that every face asks: one function and one typed value each."""

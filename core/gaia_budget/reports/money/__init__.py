"""Questions about money over time: by axis, by month, by plan window."""

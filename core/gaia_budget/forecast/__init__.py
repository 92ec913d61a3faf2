"""What will be spent and what is out of the ordinary: statistics over daily sums, without any reading or writing."""

"""What a call may cost: at most before it is sent, likely where nobody tells, and by a cheaper model."""

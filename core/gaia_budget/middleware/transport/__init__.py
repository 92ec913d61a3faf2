"""Under the SDKs: which clients can be guarded, and their HTTP clients with every billable request looked at."""

"""What of the prices and the routing table is out of date."""

"""One call to the gateway: its route, its pace, its retries, and what its answer means."""

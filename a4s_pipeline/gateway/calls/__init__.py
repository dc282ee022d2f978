"""One call to the gateway: its route, its rate limit, its retries, and what its answer means."""

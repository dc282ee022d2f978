"""What starts runs: jobs, schedules, and the sensors of requests on demand and of lost runs."""

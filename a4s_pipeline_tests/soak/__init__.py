"""A day in an hour: all processes of an installation under a heavy load, in bad weather."""

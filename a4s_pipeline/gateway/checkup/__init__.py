"""The ten questions of `a4s check`: each asks the gateway, judges the answer, and advises."""

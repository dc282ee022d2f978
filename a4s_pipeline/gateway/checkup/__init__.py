"""The ten questions of `a4s check`: they ask, judge what comes back, and say what to do."""

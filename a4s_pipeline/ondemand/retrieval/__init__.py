"""Order retrieval: imported orders from the published copy or the lake."""

"""Files written whole, JSON with exact decimals, and text for people; knows nothing of ours but errors."""

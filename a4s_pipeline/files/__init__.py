"""Files written whole, JSON with exact decimals, and text for people; imports only errors."""

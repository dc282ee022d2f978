"""Each month of order history against the gateway's, by headers alone."""

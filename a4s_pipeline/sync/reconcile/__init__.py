"""Compares each month of order history with the gateway's, by headers alone."""

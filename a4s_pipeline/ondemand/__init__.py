"""Answers on demand: order retrieval, projected stock, order export, customer creation."""

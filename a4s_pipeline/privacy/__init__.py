"""Forgetting a customer: whatever is stored of them as a person, wherever the installation keeps it.

`forget` goes through the store, the published copy, requests and answers, and the log of failures.
`documents` decides what stays of a request or an answer. What the books need (codes, dates, amounts) stays.
"""

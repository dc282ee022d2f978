"""Forgets a customer: removes their personal data everywhere in the installation.

`forget` covers the store, the published copy, requests and answers, and the log of failures. `documents`
decides what stays of a request or an answer. What the books need (codes, dates, amounts) stays.
"""

"""Requests and answers as files, in a folder or wherever fsspec reaches."""

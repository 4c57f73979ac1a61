"""Batch retrieval: a file of queries in, run files out."""

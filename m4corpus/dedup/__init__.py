"""Deduplication: exact and near-duplicates are found, and one document of each group survives."""

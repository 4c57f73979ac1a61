"""Chunking: documents become passages that fit the encoder and are exact spans of their text."""

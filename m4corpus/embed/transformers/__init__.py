"""Models of the sentence-transformers library, from a directory or from the Hub, for text and for images."""

"""From vectors to search: FAISS shards with their rows beside them, and exact search over all shards of a snapshot."""

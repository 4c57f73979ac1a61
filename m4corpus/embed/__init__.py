"""From chunks to vectors: encoders behind one protocol, a cache of what they computed, and the embed stage."""

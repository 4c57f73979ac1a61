"""Declared quality rules; each drop names its rule, what was measured and the limit it broke."""

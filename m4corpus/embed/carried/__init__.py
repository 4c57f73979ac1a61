"""The default encoder: a network carried by a package on PyPI, and its student for the languages it does not read."""

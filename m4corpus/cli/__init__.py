"""The command line: one module a noun, no logic. Data on stdout, talk on stderr."""

"""Which language a document is in, and in which script, judged from its text."""

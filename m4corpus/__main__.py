"""``python -m m4corpus`` is the command line."""

from m4corpus.cli.main import main

main()

"""Sources: what is already there (files, records, web and wiki archives) becomes pages.

Read in this order: ``config`` names the options; ``locate`` and ``inventory`` list the input files with digests;
``readers`` opens one file and hands it to its format (``files``, ``jsonl``, ``m4rag``, ``parquet``, ``warc``,
``enterprise`` with ``tar``, ``zim``, ``dump`` with ``dumpxml`` and ``dumpslices``); ``stage`` partitions the pages.
What cannot become a page becomes a ``Failure``: no input is skipped in silence.
"""

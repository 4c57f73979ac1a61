"""Sources: what is already there (files, records, web and wiki archives) becomes pages.

Read in this order: ``config`` names the options; ``locate`` and ``inventory`` list the input files with digests, and
``hub`` those of data sets on the Hub; ``streams`` and ``hubfile`` open them; ``slices`` cuts the big ones for tasks to
share; ``readers`` hands what is opened to its format (``crawled``, ``files``, ``jsonl``, ``m4rag``, ``parquet``,
``warc``, ``enterprise`` with ``tar``, ``zim``, ``dump`` with ``dumpxml``, ``dumpslices`` and ``sevenzip``); ``stage``
partitions the pages.
What cannot become a page becomes a ``Failure``: no input is skipped in silence.
"""

"""What an artifact is: atomic part files, digests, manifests and locks.

Layout of one artifact::

    <workdir>/<recipe>/<stage>-<fingerprint12>/
      part-00000.parquet ...        records, partitioned by a stable hash of the document id, sorted by id
      ledger/part-00000.parquet     one row per input: id, locator, outcome, rule or reason
      manifest.json                 written last, atomically: its presence means complete
      work/                         completion records and scratch of an unfinished build
      logs/                         datatrove's logging directory, and progress
"""

"""Releases: a snapshot as a tree of files that travels, to the Hugging Face Hub and back.

Layout (``docs/publishing.md`` tells more)::

    README.md                                       the dataset card
    release.json                                    every other file with its digests; sent last
    ATTRIBUTION.md                                  sources and their licences
    documents/<label>/<set>-00000-<sha8>.parquet    by language and script: arb_Arab, und
    chunks/<label>/part-00000-<sha8>.parquet
    vectors/<label>/part-00000-<sha8>.parquet       the vectors of the chunks of the same number
    index/<label>/shard-00000-<sha8>/               index.faiss, rows.parquet, shard.json
    index/order-<sha8>.parquet                      the language of every row of the index the snapshot has
    encoder/postprocess-<sha8>.npz                  what post-processing of vectors learnt, for queries
    plots/<name>-<sha8>.svg

A name holds the first digits of the content's digest, so a new version never replaces a file of an old one.
"""

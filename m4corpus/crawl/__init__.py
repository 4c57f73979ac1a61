"""Crawling: questions become queries, queries become pinned pages, and every response is kept as WARC.

A crawl is a deterministic program that asks (:mod:`m4corpus.crawl.program`); a fetcher answers, from the archive where
it can and from the network where it must. Asked again over the same archive, it yields the same pages.
"""

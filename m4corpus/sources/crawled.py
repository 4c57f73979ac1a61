"""The pages `m4corpus crawl` brought home: parts of its artifact, read back as they were written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from m4corpus.ledger import Fail
from m4corpus.records import Page, from_batches, schema
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.failure import Failure
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.streams import InputFile

#: Rows held at once.
_BATCH = 32


def read_crawl(source: SourceConfig, file: SourceFile, stream: InputFile) -> Iterator[Page | Failure]:
    """One page a row, under its own id; raises ``Fail`` for the file: ``corrupt-parquet``, ``not-a-crawl``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # The format is read from its end and back and forth, so the digest takes a reading of its own.
    stream.verify()
    try:
        with pq.ParquetFile(stream.rewind(), pre_buffer=False) as table:
            if table.schema_arrow != schema(Page):
                raise Fail("not-a-crawl", f"columns={','.join(sorted(table.schema_arrow.names))}")
            for page in from_batches(Page, table.iter_batches(batch_size=_BATCH, use_threads=False)):
                yield replace(page, source=source.name, licence=page.licence or source.licence)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        lines = str(error).splitlines() or [""]
        raise Fail("corrupt-parquet", lines[0][:200]) from None
    stream.verify_unmodified()

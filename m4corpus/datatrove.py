"""The one door to datatrove, which reconfigures loguru for the whole process when it is imported.

datatrove removes every loguru sink of the host program at import. Here the import is done with ``logger.remove``
held back, so that using m4corpus as a library leaves the caller's logging as it was.
"""

from __future__ import annotations

from loguru import logger as _logger


def _import_quietly() -> None:
    logger_class = type(_logger)
    remove, add = logger_class.remove, logger_class.add
    logger_class.remove = lambda self, handler_id=None: None  # type: ignore[method-assign]
    logger_class.add = lambda self, *args, **kwargs: -1  # type: ignore[method-assign]
    try:
        import datatrove.utils.logging  # noqa: F401
    finally:
        logger_class.remove, logger_class.add = remove, add  # type: ignore[method-assign]


_import_quietly()

from datatrove.executor.local import LocalPipelineExecutor  # noqa: E402
from datatrove.pipeline.base import PipelineStep as _PipelineStep  # noqa: E402


class PipelineStep(_PipelineStep):
    """A datatrove step that its logs show as ours."""

    type = "m4corpus"


__all__ = ["LocalPipelineExecutor", "PipelineStep"]

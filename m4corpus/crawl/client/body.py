"""What a response holds, without its content coding."""

from __future__ import annotations

from m4corpus.crawl.messages import Failed, Response
from m4corpus.ledger import Fail
from m4corpus.sources.http import decoded_body

#: Content codings that are asked for, all of which can be undone in bounded memory.
CODINGS = "gzip, deflate"


def content(response: Response, limit: int) -> bytes:
    """The body decoded, at most ``limit`` bytes.

    Raises ``Failed``: ``too-large`` (without decoding further, so that a compressed bomb stays one), ``bad-encoding``,
    ``unsupported-encoding``.
    """
    codings = ",".join(value for name, value in response.headers if name.lower() == "content-encoding")
    try:
        # The transfer coding is undone already: it belongs to the connection.
        return decoded_body(response.body, "", codings, limit)
    except Fail as fail:
        raise Failed(fail.slug, fail.detail) from None

"""How the crawler introduces itself."""

from __future__ import annotations

import os
import re

from m4corpus import __version__
from m4corpus.errors import UserError

#: Name that robots.txt files know the crawler by.
PRODUCT = "m4corpus"
#: Environment variable that names the contact where the recipe does not.
VARIABLE = "M4CORPUS_CONTACT"

# What would end the comment that holds the contact, or the header itself, is refused.
_TEXT = re.compile(r"[^()\\\x00-\x1f\x7f-\U0010ffff]+")
_REACHABLE = re.compile(
    r"(?:mailto:)?[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\".]+"  # a mail address
    r"|https?://[^\s/<>\"]+\.[^\s<>\"]+"  # a page
)
_HINT = (
    "Operators must be able to reach whoever crawls them (Wikimedia's User-Agent policy asks for it too): set "
    f"crawl.contact in the recipe, or {VARIABLE} in the environment, to a mail address or the address of a web page "
    "about you, such as you@university.edu."
)


def user_agent(contact: str) -> str:
    """The ``User-Agent`` of every request, with ``contact`` or else the environment's.

    Raises ``UserError`` where neither is a mail or web address: nothing is fetched anonymously.
    """
    import httpx

    contact = contact.strip() or os.environ.get(VARIABLE, "").strip()
    if not contact:
        raise UserError("cannot crawl without a contact", hint=_HINT)
    reachable = any(_REACHABLE.fullmatch(part) for part in re.split(r"[;,\s]+", contact))
    if not reachable or not _TEXT.fullmatch(contact):
        raise UserError(f"the contact {contact!r} is neither a mail address nor the address of a web page", hint=_HINT)
    return f"{PRODUCT}/{__version__} ({contact}) python-httpx/{httpx.__version__}"

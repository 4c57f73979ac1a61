"""The one client everything that fetches goes through: polite, patient, and deaf to private addresses.

:class:`Client` sends requests; :class:`Robots` decides which pages a site opens to us, over any way of fetching, so
that a replay decides alike; :func:`content` undoes a body's content coding.
"""

from __future__ import annotations

from m4corpus.crawl.client.agent import PRODUCT, user_agent
from m4corpus.crawl.client.body import content
from m4corpus.crawl.client.client import LAGGED, Client, HostDown, Sink
from m4corpus.crawl.client.robots import Robots

__all__ = ["LAGGED", "PRODUCT", "Client", "HostDown", "Robots", "Sink", "content", "user_agent"]

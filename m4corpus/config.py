"""The decorator every stage's configuration uses: frozen, validated, and closed to unknown keys."""

from __future__ import annotations

from typing import TypeVar, cast, dataclass_transform

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from pydantic.fields import Field

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def config(cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen pydantic dataclass that refuses unknown keys."""
    return cast("type[T]", dataclass(frozen=True, config=ConfigDict(extra="forbid"))(cls))

"""What is installed, found without importing it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from m4corpus.errors import UserError


def installed(package: str) -> str:
    """Version of an installed distribution; raises :class:`UserError` when it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        message = f"m4corpus needs the package {package}, which is not installed"
        raise UserError(message, f"pip install {package}") from None


def package_directory(package: str, module: str) -> Path:
    """Directory of ``module``, which the distribution ``package`` brings; raises :class:`UserError` when missing."""
    installed(package)
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise UserError(f"the encoder needs the module {module}", f"pip install --force-reinstall {package}")
    return Path(spec.origin).parent

"""Runtimes imported without their telemetry.

ONNX Runtime and OpenVINO, as they are installed from PyPI, send word of their use to their makers' servers from the
moment they are imported, unasked, and leave an identifier in the home directory. A program that works offline on other
people's texts does neither.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def onnxruntime() -> Any:
    """ONNX Runtime, which asks its environment once, while it is imported."""
    name = "ORT_DISABLE_TELEMETRY"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        import onnxruntime
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before
    return onnxruntime


def openvino() -> Any:
    """OpenVINO, which has a stub for when the package that reports is not installed."""
    name = "openvino_telemetry"
    before: dict[str, Any] = {name: sys.modules[name]} if name in sys.modules else {}
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        del sys.modules[name]
        sys.modules.update(before)
    return openvino

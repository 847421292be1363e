"""Cin7 Core over HTTP: what may be asked and sent, and how its answers are believed."""

from __future__ import annotations

from pipeline.cin7.access import Cin7Access
from pipeline.cin7.client import Cin7

__all__ = ["Cin7", "Cin7Access"]

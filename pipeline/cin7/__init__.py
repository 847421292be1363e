"""Cin7 Core over HTTP: what may be asked and sent, and how its answers are believed."""

from __future__ import annotations

from pipeline.cin7.client import Cin7, Cin7Access

__all__ = ["Cin7", "Cin7Access"]

"""What each task of a shop does with the shop's entry: gives exit and reason, and releases the entry itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from consumers import stock_availability
from pipeline.ledger.entries import Claim
from pipeline.parts import Parts
from tasks.availability import availability

#: One line for each task of the roster, by its name.
WORK: Mapping[str, Callable[[Parts, Claim], tuple[str, str]]] = {stock_availability.NAME: availability.work}

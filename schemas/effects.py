"""The life of an effect, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.money import Money

PLANNED, CLAIMED, SENDING = "PLANNED", "CLAIMED", "SENDING"


CONFIRMED, REJECTED, UNCERTAIN, WITHDRAWN = "CONFIRMED", "REJECTED", "UNCERTAIN", "WITHDRAWN"


#: A person gave it up: it keeps its units, so that nothing sends it again silently.
DISCARDED = "DISCARDED"


#: In `progress`: a document of ours that a person voided does not stand in the way of another one.
PAST_VOID = "past_void"


LIVE = (PLANNED, CLAIMED, SENDING, UNCERTAIN)


STANDING = (*LIVE, CONFIRMED, REJECTED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The provider's document: id, number and amounts; `ours` is False for an adopted foreign document."""

    reference: str
    number: str = ""
    net: Money | None = None
    tax: Money | None = None
    gross: Money | None = None
    ours: bool = True
    details: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""

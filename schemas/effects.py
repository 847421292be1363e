"""The life of an effect, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.money import Money


class EffectState(StrEnum):
    """Where an effect is in its life; the values are the words in the ledger."""

    PLANNED = "PLANNED"
    CLAIMED = "CLAIMED"
    SENDING = "SENDING"
    UNCERTAIN = "UNCERTAIN"
    CONFIRMED = "CONFIRMED"
    #: Refused for good; a person decides.
    REJECTED = "REJECTED"
    #: Taken back before anything stood; its units are free again.
    WITHDRAWN = "WITHDRAWN"
    #: A person gave it up: it keeps its units, so that nothing sends it again silently.
    DISCARDED = "DISCARDED"

    @property
    def live(self) -> bool:
        """The machine still works on it."""
        return self in LIVE

    @property
    def standing(self) -> bool:
        """It counts for its entry: under way, done, or refused and waiting for a person."""
        return self in STANDING

    @property
    def over(self) -> bool:
        """Nothing comes of it any more: withdrawn, or given up by a person."""
        return not self.standing


#: The groups as SQL needs them.
LIVE = (EffectState.PLANNED, EffectState.CLAIMED, EffectState.SENDING, EffectState.UNCERTAIN)
STANDING = (*LIVE, EffectState.CONFIRMED, EffectState.REJECTED)

#: In `progress`: a document of ours that a person voided does not stand in the way of another one.
PAST_VOID = "past_void"


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

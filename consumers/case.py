"""What a consumer is given, what it may ask, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from schemas.actions import Action
from schemas.concerns import Concern, ConcernType
from schemas.effects import EffectState
from schemas.money import Money
from schemas.returns import Return


@dataclass(frozen=True, slots=True)
class Done:
    """An effect already in the ledger, as a decision may see it."""

    key: str
    kind: str
    state: EffectState
    units: tuple[str, ...]
    reference: str = ""
    number: str = ""
    gross: Money | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    action: Action | None = None
    confirmed_at: datetime | None = None

    @property
    def confirmed(self) -> bool:
        """Whether the provider's document is known to exist."""
        return self.state == EffectState.CONFIRMED

    @property
    def taken_back(self) -> bool:
        """Whether the document was seen to stand no more: voided, a draft again, or gone."""
        return bool(self.details.get("taken_back"))


@dataclass(frozen=True, slots=True)
class Case:
    """One return and what the ledger knows about it. `accepted` are the exception types a person accepted."""

    shop: str
    ret: Return
    effects: tuple[Done, ...] = ()
    accepted: frozenset[ConcernType] = frozenset()
    first_seen: datetime | None = None

    def covered(self, kind: str) -> frozenset[str]:
        """The units that effects of this kind already cover. A refused effect covers its units until a person requeues
        it; a withdrawn one does not."""
        live = (e for e in self.effects if e.kind == kind and e.state != EffectState.WITHDRAWN)
        return frozenset(unit for effect in live for unit in effect.units)


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: why, when to look again at the latest, and the exception a person sees meanwhile."""

    reason: str
    look_again: timedelta
    concern: Concern | None = None


@dataclass(frozen=True, slots=True)
class AliasProposal:
    """A SKU that matched only after ignoring case, spaces, dashes and special characters."""

    portal_sku: str
    cin7_sku: str
    product_id: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now (an empty plan means all is already true), what waits, and what is declined.

    `waits` and `concerns` together are the whole truth about this consumer and return: an exception that is no longer
    in them closes.
    """

    actions: tuple[Action, ...] = ()
    waits: tuple[Wait, ...] = ()
    refusal: str = ""
    concerns: tuple[Concern, ...] = ()
    remarks: tuple[str, ...] = ()
    aliases: tuple[AliasProposal, ...] = ()

    def all_concerns(self) -> tuple[Concern, ...]:
        """Every exception of this plan, from waits and beside them."""
        return tuple(w.concern for w in self.waits if w.concern) + self.concerns

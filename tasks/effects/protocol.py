"""What performing an effect asks of a provider, of the store and of the other writes, and what it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from pipeline.ledger.effects import EffectRow
from schemas.actions import Effect
from schemas.effects import Outcome

A_contra = TypeVar("A_contra", bound=Effect, contravariant=True)


@dataclass(frozen=True, slots=True)
class Found:
    """The provider holds our document: whole (`outcome`), or only some steps of it (`progress`)."""

    progress: Mapping[str, str]
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """The provider answered, and our document is not there: nor are the steps named in `lost`, of which the ledger
    says that they were made (a draft that somebody deleted)."""

    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unclear:
    """The provider answered, and what it holds fits no rule: a person must look."""

    why: str


Finding = Found | Missing | Unclear


class DiffersError(Exception):
    """The provider took the document but holds something else than was sent."""

    def __init__(self, differences: tuple[str, ...], progress: Mapping[str, str]) -> None:
        super().__init__("; ".join(differences))
        self.differences = differences
        self.progress = progress


class GoneError(Exception):
    """What the effect belongs to is no longer there (its sale was deleted), and the effect with it."""


class LaterError(Exception):
    """Nothing was sent and nothing is wrong with the effect: come back after `seconds`."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds = seconds
        self.why = why


class Provider(Protocol[A_contra]):
    """One kind of action at one provider."""

    def look_up(self, action: A_contra, progress: Mapping[str, str], /) -> Finding:
        """Is it there? Raises LaterError when the provider cannot be asked now, GoneError where it can be nowhere."""

    def send(self, action: A_contra, progress: Mapping[str, str], /) -> Found:
        """Exactly one write. Raises the wire failures (NotSent, Throttled, Rejected, Uncertain), DiffersError, or
        LaterError before any byte left."""


class Store(Protocol):
    """Compare-and-set on the effect; every method gives None when another worker took over."""

    def claim(self, effect_id: int, now: datetime, lease: timedelta) -> EffectRow | None:
        """Take a due effect under a new fence."""

    def change(self, row: EffectRow, now: datetime, **values: Any) -> EffectRow | None:
        """Move it on."""

    def confirm(self, row: EffectRow, outcome: Outcome, now: datetime) -> EffectRow | None:
        """Write the outcome, once."""


class Outages(Protocol):
    """What the writes of all effects of one kind meet: whether nobody can write now is not for one effect to judge."""

    def held(self, row: EffectRow) -> LaterError | None:
        """Why and how long this write must wait, before it is marked as SENDING."""

    def met(self, row: EffectRow, failure: Exception | None) -> None:
        """How this write ended; told once for every send."""

    def shared(self, row: EffectRow) -> bool:
        """Whether others meet the same trouble, so that the effect is not to blame for its sends."""


class NoOutages:
    """Every write may be tried, and an effect that fails has itself to blame."""

    def held(self, row: EffectRow) -> LaterError | None:
        """Never."""
        return None

    def met(self, row: EffectRow, failure: Exception | None) -> None:
        """Forgotten."""

    def shared(self, row: EffectRow) -> bool:
        """Never."""
        return False


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take. `quiet` counts from the SENDING mark and must outlast the wait for a quota slot and two
    write deadlines,
    or a late commit could hide from the look-ups."""

    lease: timedelta
    write_deadline: timedelta
    quiet: timedelta
    lookup_waits: tuple[timedelta, ...]
    retry_wait: timedelta = timedelta(seconds=5)
    #: How many look-ups after the quiet period must find nothing before one more send.
    negatives: int = 2
    #: How many sends one step may have while its outcome is unknown, unless an outage is to blame.
    sends: int = 2
    #: How many unclear look-ups before a person is asked.
    unclear: int = 3

    @property
    def leave_within(self) -> timedelta:
        """How long after the SENDING mark a send may still leave: half of what the quiet period has beyond two write
        deadlines, so that the first look-up that counts is late enough for it."""
        return max((self.quiet - 2 * self.write_deadline) / 2, timedelta(seconds=1))

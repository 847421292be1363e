"""The stock-availability task of a shop: what may be offered to shoppers. Cin7's Available, not on hand, over the
merchant's sellable locations, less a buffer, never below zero.

Its subject is a shop's stock as a whole, never one return. The decisions here are pure; sweeping and publishing are
done in `tasks.availability`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from schemas.concerns import Concern, ConcernType
from schemas.sales import AvailabilityRow
from schemas.terms import Terms

NAME = "stock-availability"
#: More named SKUs than this wait for the sweep, which costs less.
FEW = 5
#: SKUs written out in an exception; the rest are counted.
NAMED = 40

#: Why the target cannot take a SKU's figure.
UNKNOWN, AMBIGUOUS, NOT_STOCKED, UNTRACKED, REFUSED = "unknown", "ambiguous", "not stocked", "untracked", "refused"
UNREADABLE = "unreadable"


# -- what may be sold -----------------------------------------------------------------------------------------------


def sellable(rows: Iterable[AvailabilityRow], locations: Iterable[str], buffer: int) -> dict[str, int]:
    """Whole units each SKU may be offered with: the sum of Available over these locations, bins and batches, less
    `buffer`, clamped at zero. A SKU without a row at any of them is left out."""
    places = frozenset(locations)
    sums: dict[str, Decimal] = {}
    for row in rows:
        if row.location in places:
            sums[row.sku] = sums.get(row.sku, Decimal(0)) + row.available
    return {sku: offered(total, buffer) for sku, total in sums.items()}


def offered(available: Decimal, buffer: int) -> int:
    """One figure as shoppers see it; part units are not sold, and Cin7's Available may be negative (measured by
    integrators)."""
    return max(0, int(available.to_integral_value(ROUND_FLOOR)) - buffer)


# -- from one look to the picture ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger holds of one SKU. `available` is the figure believed, None while it never was above doubt.

    `seen_at` is when the figure was asked for; `first_zero_at` is the sweep that first found it sold out;
    `changed_at` is when Cin7 was first seen to differ from what is published.
    """

    sku: str
    available: int | None
    seen_at: datetime
    first_zero_at: datetime | None = None
    changed_at: datetime | None = None
    version: int = 0
    published: int | None = None
    published_to: str = ""
    trouble: str = ""
    tried_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One reading of Cin7. A `whole` one has every SKU, so that what is missing is zero; `at` is when it began.

    `since` says for single SKUs when their change was announced, if that was before the look.
    """

    at: datetime
    figures: Mapping[str, int]
    whole: bool
    since: Mapping[str, datetime] = field(default_factory=dict)


def picture(known: Mapping[str, Known], look: Look) -> list[Known]:
    """The rows that this look changes. An older look never overwrites a newer one; a fall to zero is believed only
    when a second whole sweep finds it too."""
    skus = set(look.figures) | (set(known) if look.whole else set())
    changed = []
    for sku in sorted(skus):
        old = known.get(sku)
        new = _seen(old, sku, look.figures.get(sku, 0), look)
        if new is not None and new != old:
            changed.append(new)
    return changed


def _seen(old: Known | None, sku: str, figure: int, look: Look) -> Known | None:
    if old is None:
        old = Known(sku, None, look.at)
    elif look.at < old.seen_at:
        return None
    available, first_zero = _believed(old, figure, look)
    changed_at = _changed_at(old, figure, look)
    same = (available, first_zero, changed_at) == (old.available, old.first_zero_at, old.changed_at)
    if same and look.whole:
        return None
    step = 1 if available != old.available else 0
    return replace(
        old,
        available=available,
        seen_at=look.at,
        first_zero_at=first_zero,
        changed_at=changed_at,
        version=old.version + step,
    )


def _believed(old: Known, figure: int, look: Look) -> tuple[int | None, datetime | None]:
    """The figure to believe, and the sweep that first found nothing left where that is still in doubt."""
    if figure > 0 or old.available == 0:
        return figure, None
    if look.whole and old.first_zero_at is not None and old.first_zero_at < look.at:
        return 0, None
    return old.available, old.first_zero_at or (look.at if look.whole else None)


def _changed_at(old: Known, figure: int, look: Look) -> datetime | None:
    """Since when shoppers see something else than Cin7 says; kept through further changes until it is published."""
    if old.published == figure:
        return None
    return old.changed_at or min(look.since.get(old.sku, look.at), look.at)


# -- when to sweep ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Traffic:
    """How busy the line to Cin7 is: calls used of those allowed in the window, seconds it is held, and whether returns
    wait for it."""

    used: int
    allowed: int
    held: float = 0.0
    money_waits: bool = False


def interval(least: float, most: float, traffic: Traffic, *, urgent: bool = False) -> float:
    """Seconds between two sweeps: `most` while money waits, `least` on an idle line or when a change was announced,
    in between by how full the quota is."""
    if traffic.money_waits or traffic.held > 0:
        return most
    if urgent:
        return least
    share = min(1.0, traffic.used / traffic.allowed) if traffic.allowed > 0 else 1.0
    return least + (most - least) * share


def worth_reading(named: int, traffic: Traffic) -> bool:
    """Whether SKUs that a webhook named are read one by one now: a few, and only on a line that is less than half used.
    Else the sweep reads them with all the others."""
    if traffic.money_waits or traffic.held > 0:
        return False
    return 0 < named <= FEW and traffic.used + named <= traffic.allowed // 2


# -- what a person must know ------------------------------------------------------------------------------------------

_WORDS = {
    UNKNOWN: "not found in the shop",
    NOT_STOCKED: "not stocked at the shop's location",
    UNTRACKED: "not tracked by the shop",
    REFUSED: "refused by the shop",
    UNREADABLE: "not readable in the shop's answer",
}


def concerns_of(troubles: Mapping[str, str]) -> tuple[Concern, ...]:
    """One exception for the whole list of SKUs that the shop cannot take, and one for those it has twice."""
    twice = sorted(sku for sku, trouble in troubles.items() if trouble == AMBIGUOUS)
    rest = {sku: trouble for sku, trouble in troubles.items() if trouble in _WORDS}
    return (*_unmatched(rest), *_ambiguous(twice))


def _unmatched(troubles: Mapping[str, str]) -> tuple[Concern, ...]:
    if not troubles:
        return ()
    parts = []
    for trouble, words in _WORDS.items():
        skus = sorted(sku for sku, why in troubles.items() if why == trouble)
        if skus:
            parts.append(f"{len(skus)} {words}: {_named(skus)}")
    return (
        Concern(
            ConcernType.SKU_UNMATCHED,
            f"Available stock of {len(troubles)} SKUs cannot be shown. " + "; ".join(parts) + ".",
            "Make the SKU the same on both sides, tie it under terms.sku_aliases, or stock it at the shop's location; "
            "it is tried again by itself.",
            details={"skus": ",".join(sorted(troubles)[:NAMED]), "count": str(len(troubles))},
        ),
    )


def _ambiguous(skus: list[str]) -> tuple[Concern, ...]:
    if not skus:
        return ()
    return (
        Concern(
            ConcernType.SKU_AMBIGUOUS,
            f"The shop has {len(skus)} SKUs on more than one variant, so each would offer the whole stock: "
            f"{_named(skus)}.",
            "Give each variant its own SKU in the shop; it is tried again by itself.",
            details={"skus": ",".join(skus[:NAMED]), "count": str(len(skus))},
        ),
    )


def _named(skus: list[str]) -> str:
    more = len(skus) - NAMED
    return ", ".join(skus[:NAMED]) + (f" and {more} more" if more > 0 else "")


def place_unknown(places: Iterable[str]) -> Concern:
    """Sellable locations that Cin7 does not know: nothing is published, for a part of the stock would be missing."""
    names = ", ".join(sorted(places))
    return Concern(
        ConcernType.LOCATION_UNMAPPED,
        f"terms.sellable_locations names {names}, which Cin7 does not know; availability is not published meanwhile.",
        "Write the locations as Cin7 spells them; `returnline doctor` lists them.",
    )


def shop_names(terms: Terms) -> dict[str, str]:
    """Cin7 SKU to the shop's spelling of it, where the merchant's aliases tie them; the first by alphabet wins."""
    names: dict[str, str] = {}
    for portal, cin7 in sorted(terms.sku_aliases.items()):
        names.setdefault(cin7, portal)
    return names


def places_of(terms: Terms) -> tuple[str, ...]:
    """The locations that shoppers are served from, as the merchant names them."""
    return terms.sellable_locations or ((terms.sellable_location,) if terms.sellable_location else ())

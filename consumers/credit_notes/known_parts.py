"""What a refund is made of beside its items: sums of known parts that give it exactly, and which of them to believe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, product

from consumers.credit_notes.charges import ChargeLeft
from consumers.credit_notes.matter import Matter, Placed
from consumers.credit_notes.placing import compared
from consumers.credit_notes.prices import Prices
from consumers.credit_notes.remaining import SoldLine, left_over
from consumers.shared.line_total_rule import sum_of
from consumers.shared.refunds_told import portal_price
from schemas.sales import CreditNote

#: With more kinds of parts than this, only sums of up to three of them are tried.
_MANY = 8


@dataclass(frozen=True, slots=True)
class Part:
    """One known amount, gross: a kind of `fee` let go, or so much of a `charge` given back (a discount: below zero)."""

    amount: Decimal
    fee: str = ""
    charge: ChargeLeft | None = None

    @property
    def words(self) -> str:
        """Its name for a person."""
        return repr(self.charge.source.description) if self.charge else f"the {self.fee} fee let go"

    @property
    def named(self) -> bool:
        """Whether the settings name it as shipping."""
        return self.charge is not None and self.charge.named


Fit = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Several:
    """One amount that several sums of parts explain, in words; nobody but a person knows which is meant."""

    words: str


def charge_parts(left: Sequence[ChargeLeft]) -> list[list[Part]]:
    """The alternatives that each charge offers."""
    return [[Part(amount, charge=one) for amount in one.portions] for one in left]


def fits(groups: Sequence[Sequence[Part]], gap: Decimal, within: Decimal) -> list[Fit]:
    """Every sum of parts, at most one of each group, that is nearer than `within` to `gap`; none that holds another."""
    found: dict[frozenset[int], Fit] = {}
    for size in range((len(groups) if len(groups) <= _MANY else 3) + 1):
        for places in combinations(range(len(groups)), size):
            if any(less <= set(places) for less in found):
                continue
            nearest = min(product(*(groups[place] for place in places)), key=lambda fit: abs(gap - _worth(fit)))
            if abs(gap - _worth(nearest)) < within:
                found[frozenset(places)] = nearest
    return list(found.values())


def _worth(fit: Fit) -> Decimal:
    return sum_of(part.amount for part in fit)


def choose(found: Sequence[Fit], rivals: Sequence[str] = ()) -> Fit | Several | None:
    """The one explanation: nothing beside the items before anything else, the charge that the settings name as shipping
    before others. `rivals` are further readings, in words, of what a charge would explain."""
    if len(found) < 2 and not (found and rivals and any(part.charge for part in found[0])):
        return found[0] if found else None
    if () in found:
        return ()
    for wanted in (all, any):
        named = [fit for fit in found if wanted(part.named for part in fit)]
        if len(named) == 1:
            return named[0]
    return Several(", or ".join([*(" and ".join(part.words for part in fit) for fit in found), *rivals]))


def goods_of_price(
    matter: Matter, counted: Iterable[CreditNote], placed: Sequence[Placed], gap: Decimal, within: Decimal
) -> list[str]:
    """Other products of the sale of which one piece, not credited yet, costs just `gap`, in words."""
    own = {one.sold.line.product_id for one in placed}
    lines = left_over(matter.sale, counted, matter.rule)
    near = [one for one in lines if one.left.quantity > 0 and abs(_each(one, matter) - gap) < within]
    return sorted({f"a piece of {one.line.sku}" for one in near if one.line.product_id not in own})


def _each(sold: SoldLine, matter: Matter) -> Decimal:
    return sold.sold.gross(matter.sale.tax_inclusive) / sold.sold.quantity


def prices_of(placed: Iterable[Placed], matter: Matter) -> Prices:
    """Portal less invoice over these units, in the sale's currency; units of which either is not known are left out."""
    known = Prices()
    for one in placed:
        paid = portal_price(one.unit, matter.sale.currency)
        if paid is not None and one.each is not None:
            known += Prices.of(one.unit, paid.amount - compared(one.each, one.unit, matter))
    return known

"""By which names a sale in Cin7 is known to be the new order of an exchange."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas.returns import ExchangeOrder, Return, Unit, refund_wanted

_WORD = re.compile(r"[\w][\w.\-]*")
_FEE = "fee"


@dataclass(frozen=True, slots=True)
class ExchangeNames:
    """`exact` are the draft's and the order's own names and ids; `marker` is the merchant's word for exchanges, which
    counts only beside a name of the return (`about`)."""

    exact: frozenset[str]
    marker: str = ""
    about: frozenset[str] = frozenset()

    def fit(self, order_number: str, reference: str, external_id: str) -> bool:
        """Whether a sale with these three texts is this exchange's."""
        texts = {order_number.strip().casefold(), reference.strip().casefold(), external_id.strip().casefold()}
        if texts & {name.casefold() for name in self.exact}:
            return True
        return says_exchange(reference, self.marker) and bool(words(reference) & self.about)


def names_of(ret: Return, order: ExchangeOrder, marker: str) -> ExchangeNames:
    """The names of one exchange order; those of the original order are never among them."""
    original = _spellings(ret.order_name) | _spellings(ret.order_id)
    own = _spellings(order.name) | _spellings(order.order_id) | _spellings(order.draft_order_id)
    about = {ret.order_name.lstrip("#"), ret.rma_id, f"RMA{ret.rma_id}", f"RMA-{ret.rma_id}"}
    return ExchangeNames(
        frozenset(own - original), marker.strip(), frozenset(word.casefold() for word in about if word)
    )


def _spellings(name: str) -> set[str]:
    bare = name.strip().lstrip("#")
    return {bare, f"#{bare}"} if bare else set()


def words(reference: str) -> set[str]:
    """The words of a customer reference as they are compared: without a leading # and regardless of case."""
    return {word.casefold() for word in spoken(reference)}


def spoken(reference: str) -> set[str]:
    """The words of a customer reference as they are written, without a leading #."""
    return set(_WORD.findall(reference))


def says_exchange(reference: str, marker: str) -> bool:
    """Whether the reference carries the merchant's marker."""
    return bool(marker) and marker.casefold() in reference.casefold()


def handle_of(order: ExchangeOrder) -> str:
    """What an exchange order is called in business keys: its draft's id, which it keeps when it becomes real."""
    return order.draft_order_id or order.order_id or order.name


def exchanges_of(ret: Return) -> tuple[ExchangeOrder, ...]:
    """The exchange orders of a return; fee orders are none."""
    return tuple(order for order in ret.exchange_orders if order.kind.casefold() != _FEE)


def on_original(ret: Return, order: ExchangeOrder) -> bool:
    """Whether the exchange was put on the original order instead of a new one (a native exchange)."""
    same_id = bool(order.order_id) and order.order_id == ret.order_id
    return same_id or order.name.strip().lstrip("#") == ret.order_name.strip().lstrip("#")


def exchanged_units(ret: Return) -> tuple[Unit, ...]:
    """The units the shopper swaps; where only the return names what is wanted, every unit that is not refunded."""
    own = tuple(unit for unit in ret.units if unit.exchanged)
    if own:
        return own
    return tuple(unit for unit in ret.units if not refund_wanted(unit.resolution)) or ret.units


def wants_exchange(ret: Return) -> bool:
    """Whether any part of the return is an exchange."""
    wanted = any(unit.exchanged for unit in ret.units)
    return wanted or bool(ret.exchange_items) or bool(exchanges_of(ret))

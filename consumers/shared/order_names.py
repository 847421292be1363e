"""By which names a sale in Cin7 is known to be the new order of an exchange."""

from __future__ import annotations

import re
from dataclasses import dataclass

from consumers.shared.whose_sale import DRAFT, bare_id, bare_name, ids_in
from schemas.returns import ExchangeOrder, Return, Unit, refund_wanted

_WORD = re.compile(r"#?\w[\w.\-]*")
#: "RMA 1042", "rma-1042" and "RMA#1042" are one word.
_RMA = re.compile(r"\brma[\s\-#:]*(?=\w)", re.IGNORECASE)
#: Words that may stand beside the marker and a name without telling of anything else.
_BETWEEN = frozenset({"for", "of", "to", "order", "return", "no"})
_FEE = "fee"


@dataclass(frozen=True, slots=True)
class ExchangeNames:
    """`exact` are the draft's and the order's own names and ids; `marker` is the merchant's word for exchanges, which
    counts only with a name of the return (`about`) and nothing else beside it.

    `ids` decide where a sale has an External ID: another id is another order, whatever its name.
    """

    exact: frozenset[str]
    marker: str = ""
    about: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    def fit(self, order_number: str, reference: str, external_id: str) -> bool:
        """Whether a sale with these three texts is this exchange's."""
        if self.proved(external_id):
            return True
        exact = {bare_name(name) for name in self.exact}
        if self.ids and ids_in(external_id) and bare_name(external_id) not in exact:
            return False
        if {bare_name(text) for text in (order_number, reference, external_id)} & (exact - {""}):
            return True
        spoken = said(reference, self.marker)
        return bool(spoken) and spoken <= self.about

    def proved(self, external_id: str) -> bool:
        """Whether the sale has this very order's or draft's id."""
        return bool(self.ids & ids_in(external_id))


def names_of(ret: Return, order: ExchangeOrder, marker: str) -> ExchangeNames:
    """The names of one exchange order; those of the original order are never among them."""
    original = _spellings(ret.order_name) | _spellings(ret.order_id)
    order_id, draft_id = bare_id(order.order_id), bare_id(order.draft_order_id)
    ids = {order_id, draft_id, f"{DRAFT}{draft_id}"} - {"", DRAFT, bare_id(ret.order_id)}
    own = _spellings(order.name) | _spellings(order.order_id) | _spellings(order.draft_order_id)
    own |= {f"gid://shopify/Order/{order_id}"} if order_id else set()
    own |= {f"gid://shopify/DraftOrder/{draft_id}"} if draft_id else set()
    rma = re.sub(r"^rma[\s\-]*", "", ret.rma_id.casefold())
    about = {bare_name(ret.order_name), f"rma{rma}" if rma else ""} - {""}
    return ExchangeNames(frozenset(own - original), marker.strip(), frozenset(about), frozenset(ids))


def _spellings(name: str) -> set[str]:
    bare = name.strip().lstrip("#")
    return {bare, f"#{bare}"} if bare else set()


def said(reference: str, marker: str) -> frozenset[str]:
    """The names beside the merchant's marker, without # and case; none where the text has no marker or says anything
    else, for a word inside a free text is not a name."""
    rest = _without(reference, marker)
    if rest is None:
        return frozenset()
    words = {word.lstrip("#").casefold() for word in _WORD.findall(_RMA.sub("rma", rest))}
    return frozenset(words - _BETWEEN)


def _without(reference: str, marker: str) -> str | None:
    """The reference without the marker as a word of its own; None where it has none."""
    if not marker:
        return None
    start, end = (r"(?<!\w)" if marker[0].isalnum() else "", r"(?!\w)" if marker[-1].isalnum() else "")
    rest, times = re.subn(f"{start}{re.escape(marker)}{end}", " ", reference, flags=re.IGNORECASE)
    return rest if times else None


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
    same_id = bool(bare_id(order.order_id)) and bare_id(order.order_id) == bare_id(ret.order_id)
    return same_id or bare_name(order.name) == bare_name(ret.order_name)


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

"""Whose sale is it: how far a sale's own texts prove that it belongs to an order of this shop.

A number is unique within a shop, not within a company whose books hold several shops. Where both ids are known they
decide; where one is missing the name counts, if it stands alone. A word inside a longer text proves nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from schemas.concerns import Concern, ConcernType
from schemas.sales import ZERO_GUID, Sale

#: A Shopify id as its APIs and its admin write it: gid://shopify/Order/123, https://.../orders/123.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.\-]*://\S*/(draft_?)?orders?/([^/?#\s]+)", re.IGNORECASE)
#: Before the id of a draft that is written as an address: drafts are numbered beside orders.
DRAFT = "draft/"
#: What systems write where they have no id ("Zero GUID = none", Cin7 blueprint).
_NO_ID = frozenset({"", "0", "-", "null", "none", "n/a", ZERO_GUID})
#: A number this long is an order's id wherever it stands; no shop's order names are that long.
_UNMISTAKABLE = 10
_LONGEST_SHOWN = 40


class Proof(StrEnum):
    """What ties a sale to an order. STRANGER: it carries the order's name, but the id of another order."""

    ID = "the same id"
    NAME = "exact name"
    SHARED = "one of several orders on the sale"
    MENTION = "a word of a longer text"
    STRANGER = "another order's id"
    NONE = "nothing"


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the portal names it; `order_id` "" where the portal tells none, or where ids prove nothing here."""

    name: str
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sale that may be the order's. `tied_to` names the other shop's order that it already belongs to."""

    sale_id: str
    order_number: str
    reference: str
    external_id: str
    voided: bool = False
    tied_to: str = ""
    updated: datetime | None = None


def bare_name(text: str) -> str:
    """An order name as names are compared: without #, surrounding space and case."""
    return " ".join(unicodedata.normalize("NFKC", text).strip().lstrip("#").split()).casefold()


def bare_id(text: str) -> str:
    """An id as ids are compared: the number of a Shopify address, as a spreadsheet may have written it; "" for none."""
    plain = unicodedata.normalize("NFKC", text).strip().strip("'\"").strip()
    address = _ADDRESS.match(plain)
    plain = re.sub(r"^(\d+)\.0+$", r"\1", address[2] if address else plain).casefold()
    return "" if plain in _NO_ID else f"{DRAFT if address and address[1] else ''}{plain}"


def ids_in(external_id: str) -> frozenset[str]:
    """The ids that an External ID holds: one, none, or those of a sale of several orders."""
    return frozenset(found for part in re.split(r"[,;|]", external_id) if (found := bare_id(part)))


def proof(order: Order, order_number: str, reference: str, external_id: str) -> Proof:
    """How far these three texts of a sale prove that it is this order's."""
    own, told = bare_id(order.order_id), ids_in(external_id)
    if own and own in told:
        return Proof.ID
    named = _named(order, order_number, reference, external_id)
    by_name_only = not told or not own or bare_name(order.name) in {bare_name(part) for part in told}
    if by_name_only or named is Proof.NONE:
        return named
    return Proof.NONE if named is Proof.MENTION else Proof.STRANGER


def _named(order: Order, order_number: str, reference: str, external_id: str) -> Proof:
    name, own = bare_name(order.name), bare_id(order.order_id)
    if not name:
        return Proof.NONE
    if name in {bare_name(order_number), bare_name(reference), bare_name(external_id)}:
        return Proof.NAME
    if len(own) >= _UNMISTAKABLE and own in {bare_id(order_number), bare_id(reference)}:
        return Proof.NAME
    if name in listed(reference, order.name):
        return Proof.SHARED
    alone = rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"
    return Proof.MENTION if re.search(alone, bare_name(reference)) else Proof.NONE


def listed(reference: str, like: str) -> tuple[str, ...]:
    """The order names of a sale of several orders; none where any word does not look like the name `like`."""
    names = tuple(dict.fromkeys(name for part in re.split(r"[\s,;|/&+]+", reference) if (name := bare_name(part))))
    return names if len(names) > 1 and all(_alike(name, bare_name(like)) for name in names) else ()


def like_a_name(text: str, like: str) -> bool:
    """Whether the text alone is an order name of the shop whose order is called `like`."""
    return bool(bare_name(text)) and _alike(bare_name(text), bare_name(like))


def _alike(name: str, other: str) -> bool:
    """The same letters around as many digits: consecutive numbers of one shop differ by one place at most."""
    digits = [sum(sign.isdigit() for sign in text) for text in (name, other)]
    shapes = {re.sub(r"\d+", "9", text) for text in (name, other)}
    return len(shapes) == 1 and min(digits) > 0 and abs(digits[0] - digits[1]) <= 1


def several_orders(sale: Sale, order_name: str) -> bool:
    """Whether the sale holds several orders (Cin7's daily consolidation)."""
    return len(listed(sale.customer_reference, order_name)) > 1 or len(ids_in(sale.external_id)) > 1


def choose(order: Order, candidates: Iterable[Candidate]) -> tuple[Candidate, Proof] | Concern:
    """The one sale of the order and what proves it, or the question to a person. A voided sale counts only where no
    other fits."""
    graded = [(one, proof(order, one.order_number, one.reference, one.external_id)) for one in candidates]
    usable = [(one, how) for one, how in graded if how is Proof.ID or not one.tied_to]
    ladder = [(how, False) for how in (Proof.ID, Proof.NAME, Proof.SHARED)] + [(Proof.ID, True), (Proof.NAME, True)]
    for wanted, voided in ladder:
        fitting = {one.sale_id: one for one, how in usable if how is wanted and one.voided is voided}
        if len(fitting) == 1 or (fitting and voided):
            # An order may be voided and imported again more than once: the one touched last speaks.
            return max(fitting.values(), key=lambda one: one.updated or datetime.min.replace(tzinfo=UTC)), wanted
        if fitting:
            return _several(order, wanted, list(fitting.values()))
    return not_found(order, graded)


def _several(order: Order, how: Proof, sales: Sequence[Candidate]) -> Concern:
    numbers = _numbers(sales)
    cause, step = {
        Proof.ID: (
            f"{len(sales)} sales in Cin7 carry the id of order {order.name}: {numbers}.",
            "It is there twice: take its id and name off the one that must not stand; this continues by itself.",
        ),
        Proof.NAME: (
            f"{len(sales)} sales in Cin7 carry the name {order.name}, and no id says which is this shop's: {numbers}.",
            f"Write into the External ID of each the id of its own order (this one's: {order.order_id or 'not told'}).",
        ),
        Proof.SHARED: (
            f"Order {order.name} is named by several Cin7 sales that hold many orders each: {numbers}.",
            "Credit this share by hand in Cin7; it will be adopted when the memo names the RMA.",
        ),
    }[how]
    details = {"sales": ", ".join(sorted(one.sale_id for one in sales))}
    return Concern(ConcernType.CONSOLIDATED_SALE_AMBIGUOUS, cause, step, details=details)


def not_found(order: Order, graded: Iterable[tuple[Candidate, Proof]]) -> Concern:
    """No sale is the order's. Who was passed over, and why, is named."""
    graded, name = list(graded), order.name.strip() or "(no order name)"
    strangers = [one for one, how in graded if how is Proof.STRANGER]
    tied = [one for one, how in graded if one.tied_to and how in {Proof.NAME, Proof.SHARED}]
    mentions = [one for one, how in graded if how is Proof.MENTION]
    causes = [f"No sale in Cin7 carries the name {name} as order number, customer reference or external id."]
    steps = [f"Import the order into Cin7, or put {name} into the sale's Customer Reference; it continues then."]
    if strangers or tied:
        causes = [f"No sale in Cin7 is order {name}" + (f" with id {order.order_id}." if order.order_id else ".")]
        steps = [f"Import order {name} into Cin7; leave the other sales as they are."]
    if strangers:
        shown = ", ".join(f"{one.order_number} ({one.external_id[:_LONGEST_SHOWN]})" for one in _by_number(strangers))
        causes.append(f"Passed over, because the External ID is another order's: {shown}.")
        steps.append("Only where one of them is this very order, correct its External ID.")
    if tied:
        shown = ", ".join(f"{one.order_number} (order {one.tied_to})" for one in _by_number(tied))
        causes.append(f"Passed over, because the sale belongs to another shop's order: {shown}.")
        steps.append("Where it is wrong, write the order's id into the sale's External ID: ids decide.")
    if mentions:
        causes.append(f"Named only inside a longer text: {_numbers(mentions)}.")
        steps.append(f"Where one of these is the order's sale, put {name} alone into its Customer Reference.")
    passed = ", ".join(one.sale_id for one in _by_number([*strangers, *tied, *mentions]))
    details = {"passed_over": passed} if passed else {}
    return Concern(ConcernType.ORDER_NOT_FOUND, " ".join(causes), " ".join(steps), details=details)


def _by_number(sales: Iterable[Candidate]) -> list[Candidate]:
    return sorted({one.sale_id: one for one in sales}.values(), key=lambda one: (one.order_number, one.sale_id))


def _numbers(sales: Iterable[Candidate]) -> str:
    return ", ".join(one.order_number for one in _by_number(sales))

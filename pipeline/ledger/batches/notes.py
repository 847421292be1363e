"""One credit note of a batch with everything the ledger knows about it, and its money shared among its units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import returns
from pipeline.ledger.batches import batches
from pipeline.ledger.codec import action_from_json
from pipeline.ledger.schema import all as t
from schemas.actions import PostCreditNote, UnitGoods, VerifyRestock
from schemas.effects import EffectState
from schemas.money import FOUR_PLACES
from schemas.returns import Return
from schemas.sales import Charge, DocumentLine

_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """One line or charge of a note, tax taken out of `net`."""

    kind: str
    product_id: str
    sku: str
    currency: str
    tax_rule: str
    account: str
    quantity: Decimal
    discount: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Note:
    """One item of a batch with everything the ledger knows about it."""

    item: Mapping[str, Any]
    effect: Mapping[str, Any]
    action: PostCreditNote
    ret: Mapping[str, Any]
    units: Mapping[str, Mapping[str, Any]]
    told: Return | None
    beside: Sequence[Mapping[str, Any]] = ()
    exceptions: Sequence[int] = ()
    sale: Mapping[str, Any] = field(default_factory=dict)

    @property
    def posted(self) -> bool:
        """Whether this batch posted it."""
        return bool(self.item["state"] == batches.POSTED)

    @property
    def lines(self) -> list[Line]:
        """The note's lines, then its charges."""
        inclusive = self.action.tax_inclusive
        return [
            *(_line("returns", line.product_id, line.sku, line, inclusive) for line in self.action.lines),
            *(_line("charges", "", charge.description, charge, inclusive) for charge in self.action.charges),
        ]

    @property
    def tax(self) -> Decimal | None:
        """The tax of the document as Cin7 answered; None before it is posted."""
        found: Decimal | None = self.effect["tax"] if self.posted else None
        return found

    @property
    def restock_cost(self) -> Decimal:
        """What the restocked goods cost when they left, as far as known (base currency)."""
        return sum((g.cost for g in self.action.goods if g.location and g.cost is not None), _NONE)

    @property
    def refunded(self) -> Decimal:
        """What was paid out for its units, by ReturnGO's word."""
        paid = (self.units[unit]["refunded"] for unit in self.action.units if unit in self.units)
        return sum((amount for amount in paid if amount is not None), _NONE)

    @property
    def _value(self) -> Mapping[str, str]:
        for row, action in self.done(VerifyRestock):
            if set(action.units) & set(self.action.units):
                return row["progress"] or {}
        return {}

    @property
    def moved(self) -> Decimal | None:
        """The value at which the goods came into stock; None before it was read."""
        value = self._value.get("value", "")
        return Decimal(value) if value else None

    @property
    def expected(self) -> tuple[Decimal, Decimal] | None:
        """Between which costs the goods had left; None where the sale does not tell."""
        low, high = self._value.get("low", ""), self._value.get("high", "")
        return (Decimal(low), Decimal(high)) if low and high else None

    @property
    def value_agrees(self) -> bool:
        """Whether the goods came back at what they cost, to the penny."""
        if self.moved is None or self.expected is None:
            return False
        low, high = self.expected
        return low - Decimal("0.01") <= self.moved <= high + Decimal("0.01")

    def done(self, kind: type[Any]) -> list[tuple[Mapping[str, Any], Any]]:
        """The return's confirmed effects of this kind."""
        read = [(row, action_from_json(row["action"])) for row in self.beside if row["action"]["do"] == kind.__name__]
        return [(row, action) for row, action in read if row["state"] == EffectState.CONFIRMED]


def _line(kind: str, product_id: str, sku: str, row: DocumentLine | Charge, inclusive: bool) -> Line:
    net = row.total.amount - (row.tax.amount if inclusive else _NONE)
    return Line(
        kind=kind,
        product_id=product_id,
        sku=sku,
        currency=row.total.currency,
        tax_rule=row.tax_rule,
        account=row.account,
        quantity=row.quantity,
        discount=row.discount,
        net=net,
        tax=row.tax.amount,
    )


def notes_of(conn: sa.Connection, batch: Mapping[str, Any]) -> list[Note]:
    """Every item of the batch, in the order they came."""
    return [_note(conn, batch["shop"], item) for item in batches.items(conn, batch["id"])]


def _note(conn: sa.Connection, shop: str, item: Mapping[str, Any]) -> Note:
    f, x, s = t.effects.c, t.exceptions.c, t.sales.c
    beside = [dict(r) for r in conn.execute(sa.select(t.effects).where(f.return_id == item["return_id"])).mappings()]
    effect = next(row for row in beside if row["id"] == item["effect_id"])
    action = action_from_json(item["action"])
    if not isinstance(action, PostCreditNote):
        raise TypeError(f"batch item {item['id']} holds a {type(action).__name__}, not a credit note")
    ret = returns.by_id(conn, item["return_id"])
    sale = conn.execute(sa.select(t.sales).where((s.shop == shop) & (s.sale_id == action.sale_id))).mappings().first()
    numbers = conn.execute(sa.select(x.id).where(x.return_id == item["return_id"]).order_by(x.id)).scalars()
    units = {unit["returned_item_id"]: unit for unit in returns.units_of(conn, item["return_id"])}
    told = returns.told(ret)
    return Note(item, effect, action, ret, units, told, beside, tuple(numbers), dict(sale) if sale else {})


# -- sharing
@dataclass(frozen=True, slots=True)
class Share:
    """One unit's part of the note's lines; `discount` None where its lines differ in it."""

    net: Decimal
    tax: Decimal
    tax_rule: str
    discount: Decimal | None


def shared(note: Note) -> dict[str, Share]:
    """Each unit's part of its product's lines, by its gross; the last unit takes the odd 0.0001.

    A unit whose lines cannot be told apart from others' gets none.
    """
    lines = [line for line in note.lines if line.kind == "returns"]
    wanted = {line.product_id for line in lines}
    groups: dict[str, list[UnitGoods]] = {}
    for goods in note.action.goods:
        groups.setdefault(_product_of(note, goods, lines), []).append(goods)
    astray = groups.pop("", [])
    free = wanted - set(groups)
    if astray and len(free) == 1:
        groups[free.pop()] = astray
    told: dict[str, Share] = {}
    for product, units in groups.items():
        told.update(_split([line for line in lines if line.product_id == product], units))
    return told


def _product_of(note: Note, goods: UnitGoods, lines: Sequence[Line]) -> str:
    wanted = {line.product_id for line in lines}
    own = {part.product_id for part in goods.parts} & wanted
    if len(own) == 1 and len(goods.parts) == 1:
        return own.pop()
    sku = str(note.units.get(goods.unit, {}).get("sku", "")).casefold()
    named = {line.product_id for line in lines if line.sku.casefold() == sku}
    if len(named) == 1:
        return named.pop()
    return wanted.pop() if len(wanted) == 1 else ""


def _split(lines: Sequence[Line], units: Sequence[UnitGoods]) -> dict[str, Share]:
    rules, discounts = {line.tax_rule for line in lines}, {line.discount for line in lines}
    if len(rules) != 1:
        return {}
    net, tax = sum((line.net for line in lines), _NONE), sum((line.tax for line in lines), _NONE)
    whole = sum((goods.gross.amount for goods in units), _NONE)
    discount = discounts.pop() if len(discounts) == 1 else None
    told: dict[str, Share] = {}
    left_net, left_tax = net, tax
    for number, goods in enumerate(units, start=1):
        part = goods.gross.amount / whole if whole else Decimal(1) / len(units)
        last = number == len(units)
        mine_net = left_net if last else (net * part).quantize(FOUR_PLACES)
        mine_tax = left_tax if last else (tax * part).quantize(FOUR_PLACES)
        left_net, left_tax = left_net - mine_net, left_tax - mine_tax
        told[goods.unit] = Share(mine_net, mine_tax, next(iter(rules)), discount)
    return told

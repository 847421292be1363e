"""For random days of returns: Cin7's trial balance moves by exactly what the ledger says it did, account by account."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ledger.codec import action_from_json
from pipeline.ledger.gaps import board
from sandbox.demo.day.arithmetic import moved_accounts
from sandbox.demo.day.words import ADVANCED, DAMAGED, VAT_5, VAT_20, ZERO_RATED, Back, Day, ReturnOfDay, SaleOfDay, Sold
from sandbox.demo.play import order_id, sale_form, unit_form
from schemas.actions import PostCreditNote, RecordRefund, WriteOffStock
from schemas.gaps import Gap
from tasks.polls import polls
from tests.flow.inprocess import SHOP, Line, Served, line
from tests.tasks.practice import PORTAL_SHOP

TERMS = f"""
write_off_account = "403"
refund_owner = "returnline"
refund_accounts = {{ card = "712", store_credit = "850" }}

[shops.alder.terms.fees.restocking]
description = "Restocking fee"
account = "260"
tax_rule = "20% (VAT on Income)"

[[shops.alder.terms.dispositions]]
reason = "{DAMAGED}"
disposition = "write_off"

[[shops.alder.terms.dispositions]]
reason = "Faulty"
disposition = "quarantine"
"""
#: What one piece cost, and prices that are asked for it.
GOODS = {"TEE-BLK-M": "9.4", "HOODIE-GRY-S": "21.35", "SOCK-3PK": "3.33", "JEANS-32": "38.75", "DRESS-RED": "31.2"}
COSTS = {sku: Decimal(cost) for sku, cost in GOODS.items()}
PRICES = ("12.99", "30", "54.95", "79.99", "89")
REASONS = ("Too small", "Faulty", DAMAGED)
CENT = Decimal("0.01")
REVENUE, TAX, DEBTORS, COGS, INVENTORY = "200", "820", "610", "310", "630"


@st.composite
def sold_lines(draw: st.DrawFn) -> tuple[Sold, ...]:
    skus = draw(st.lists(st.sampled_from(sorted(GOODS)), min_size=1, max_size=3, unique=True))
    return tuple(
        Sold(
            sku,
            draw(st.integers(1, 3)),
            Decimal(draw(st.sampled_from(PRICES))),
            draw(st.sampled_from((VAT_20, VAT_20, VAT_5, ZERO_RATED))),
            Decimal(draw(st.sampled_from(("0", "0", "10", "12.5")))),
        )
        for sku in skus
    )


@st.composite
def given_back(draw: st.DrawFn, sale: SaleOfDay, name: str) -> ReturnOfDay:
    """One return of a sale: of some of its lines, some of the pieces."""
    lines = draw(st.lists(st.integers(0, len(sale.lines) - 1), min_size=1, max_size=2, unique=True))
    back = []
    for number in sorted(lines):
        sold, reason = sale.lines[number], draw(st.sampled_from(REASONS))
        fee = Decimal(draw(st.sampled_from(("0", "0", "6"))))
        pieces = draw(st.integers(1, sold.quantity))
        damaged = reason == DAMAGED
        back.append(Back(number, pieces, reason, faulty=reason != "Too small", fee=fee, written_off=damaged))
    # Prices whose pieces come out at whole cents: what else the portal pays is a difference that people look at.
    whole = sale.tax_inclusive and all(not sale.lines[one.line].discount for one in back)
    return ReturnOfDay(name, "", sale.order_name, tuple(back), refunded=whole and draw(st.booleans()))


@st.composite
def days(draw: st.DrawFn) -> Day:
    """Up to three sales, each with one return."""
    sales, returns = [], []
    for number in range(draw(st.integers(1, 3))):
        euro = draw(st.booleans())
        sale = SaleOfDay(
            f"#{number + 1}",
            draw(sold_lines()),
            kind=draw(st.sampled_from(("Simple Sale", ADVANCED))),
            tax_inclusive=draw(st.booleans()),
            currency="EUR" if euro else "GBP",
            rate=Decimal("0.85") if euro else Decimal(1),
        )
        sales.append(sale)
        returns.append(draw(given_back(sale, f"return {number + 1}")))
    return Day(0, 0.0, tuple(sales), tuple(returns), ())


@dataclass
class Told:
    """What the ledger says that it did to the accounts; base currency, debit positive."""

    moved: defaultdict[str, Decimal]

    def credit(self, note: PostCreditNote) -> None:
        fees: Decimal = Decimal(0)
        for charge in note.charges:
            net = charge.total.amount - (charge.tax.amount if note.tax_inclusive else Decimal(0))
            self.moved[charge.account] += net * note.rate
            fees += net
        self.moved[REVENUE] += (note.net.amount - fees) * note.rate
        self.moved[TAX] += note.tax.amount * note.rate
        self.moved[DEBTORS] -= note.gross.amount * note.rate
        for goods in note.goods:
            if goods.location and goods.cost is not None:
                self.moved[INVENTORY] += goods.cost
                self.moved[COGS] -= goods.cost

    def write_off(self, document: WriteOffStock) -> None:
        for goods in document.goods:
            assert goods.cost is not None
            self.moved[INVENTORY] -= goods.cost
            self.moved[document.account] += goods.cost

    def refund(self, payment: RecordRefund) -> None:
        worth = payment.amount.amount * payment.rate
        self.moved[DEBTORS] += worth
        self.moved[payment.account] -= worth


def told(it: Line, rmas: list[str]) -> dict[str, Decimal]:
    said = Told(defaultdict(Decimal))
    for rma in rmas:
        for row in it.effects(rma):
            assert row["state"] == "CONFIRMED", (row["kind"], row["state"], row["why"])
            action = action_from_json(row["action"])
            if isinstance(action, PostCreditNote):
                said.credit(action)
            elif isinstance(action, WriteOffStock):
                said.write_off(action)
            elif isinstance(action, RecordRefund):
                said.refund(action)
    return dict(said.moved)


def _return(it: Line, sale: SaleOfDay, one: ReturnOfDay) -> str:
    request = {
        "shop_name": PORTAL_SHOP,
        "order_name": sale.order_name,
        "order_id": order_id(sale.order_name),
        "currency": sale.currency,
        "shop_currency": "GBP",
        "rate": str(sale.rate),
        "units": [unit_form(sale, back) for back in one.back],
        "status": "Received",
    }
    rma = str(it.control("/returngo/rmas", request)["rma_id"])
    it.nudge_and_settle(rma, rounds=3)
    if one.refunded:
        it.control(f"/returngo/rmas/{rma}/refund", {"settles_after": "0", "outcome": "Success"})
        it.nudge_and_settle(rma, rounds=3)
    assert it.kinds(rma) == {}, (sale, one)
    return rma


def trial_balance(it: Line) -> dict[str, Decimal]:
    rows: dict[str, Any] = it.desk.world.control.get("/trial-balance").json()
    return {code: Decimal(amount) for code, amount in rows.items()}


@pytest.mark.timeout(150)
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(day=days())
def test_the_trial_balance_moves_by_what_the_ledger_says_and_by_what_the_day_is_worth(served: Served, day: Day) -> None:
    with tempfile.TemporaryDirectory() as folder, line(Path(folder), served, terms=TERMS) as it:
        for sale in day.sales:
            it.control("/sales", sale_form(sale) | {"date": "2026-11-01"})
        before = trial_balance(it)
        rmas = [_return(it, day.sale(one.order_name), one) for one in day.returns]
        after, said, worth = trial_balance(it), told(it, rmas), moved_accounts(day, COSTS)
        assert sum(after.values()) == 0
        moved = {code: after.get(code, Decimal(0)) - before.get(code, Decimal(0)) for code in {*after, *before}}
        for code in sorted({*moved, *said, *worth}):
            booked = moved.get(code, Decimal(0))
            # Amounts are kept to the fourth decimal and turned into base currency once for each posting.
            assert abs(booked - said.get(code, Decimal(0))) < CENT, (code, day)
            assert abs(booked - worth.get(code, Decimal(0))) < CENT, (code, day)


def test_a_partly_credited_sale_is_not_told_as_credited_beyond_its_invoice(served: Served, tmp_path: Path) -> None:
    """The sale list's InvoiceAmount is already less what was credited."""
    with line(tmp_path, served, terms=TERMS) as it:
        sale = SaleOfDay("#1", (Sold("SOCK-3PK", 3, Decimal("12.99")),), kind=ADVANCED)
        it.control("/sales", sale_form(sale) | {"date": "2026-11-01"})
        _return(it, sale, ReturnOfDay("two of three", "", "#1", (Back(0, 2),)))
        polls.sales(it.parts, SHOP)
        with it.parts.ledger.read() as conn:
            found = {item.gap for item in board.find(conn, {SHOP: it.parts.shop(SHOP).terms}, it.clock())}
        assert Gap.CREDIT_CONFLICT not in found

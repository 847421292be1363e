"""Returns at every stage in a ledger of their own, written as the line writes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import Ledger, concerns, effects, entries, reference_books, returns, sales
from pipeline.ledger.gaps import board, payouts
from pipeline.ledger.gaps.board import GapItem
from pipeline.ledger.gaps.payouts import PayoutLine
from pipeline.ledger.schema import all as t
from pipeline.ledger.schema.migrating import migrate
from schemas.actions import Action, AdoptCreditNote, PostCreditNote, UnitGoods, WriteOffStock, business_key
from schemas.concerns import Concern, ConcernType
from schemas.effects import Outcome
from schemas.gaps import Gap
from schemas.money import Money
from schemas.returns import Return, Transaction
from schemas.sales import SaleRow
from schemas.terms import Terms
from tests.consumers.builders import a_return, a_unit, gbp

SHOP, SALE = "alder", "sale-1"
#: A Monday.
DAY0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TERMS = Terms(go_live=date(2026, 1, 1))


class GapDesk:
    """Writes facts, and asks which gaps stand a number of days later."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.url = url or f"sqlite:///{folder / 'ledger.sqlite'}"
        folder.mkdir(parents=True, exist_ok=True)
        migrate(self.url)
        self.ledger = Ledger(self.url)
        self.terms = TERMS
        with self.ledger.write() as conn:
            reference_books.keep_reference_book(conn, SHOP, "me", {"currency": "GBP"}, DAY0)

    # -- what happens -------------------------------------------------------------------------------------------------

    def told(self, ret: Return | None = None, at: datetime = DAY0, **more: Any) -> int:
        """ReturnGO says this of RMA1001; gives the return's id."""
        said = replace(ret or a_return(received_at=DAY0, created_at=DAY0, approved_at=DAY0), **more)
        with self.ledger.write() as conn:
            return_id = returns.nudge(conn, SHOP, said.rma_id, at)
            reading = returns.claim_reading(conn, at, timedelta(minutes=1))
            assert reading is not None
            assert returns.keep_reading(conn, reading, said, {}, at, None)
            conn.execute(t.returns.update().where(t.returns.c.id == return_id).values(opened_at=DAY0))
        return return_id

    def facts(self, unit: str = "u1", **values: Any) -> None:
        """Set facts of a unit, as confirmed effects do."""
        with self.ledger.write() as conn:
            conn.execute(t.units.update().where(t.units.c.returned_item_id == unit).values(**values))

    def credited(
        self, rma: str = "RMA1001", at: datetime = DAY0, gross: str = "36", tax: str = "6", **more: Any
    ) -> None:
        """Our note over unit u1 stands."""
        goods = UnitGoods("u1", gbp(gross), more.pop("disposition", "restock"), "Main Warehouse", cost=Decimal("9.40"))
        units = ("u1",)
        action = PostCreditNote(
            **{
                "key": business_key(SHOP, rma, "credit", units),
                "sale_id": SALE,
                "units": units,
                "task_id": SALE,
                "simple": True,
                "invoice_number": "INV-1",
                "memo": "",
                "noted_on": at.date(),
                "rate": Decimal(1),
                "lines": (),
                "charges": (),
                "restock": (),
                "net": gbp(gross) - gbp(tax),
                "tax": gbp(tax),
                "gross": gbp(gross),
                "goods": (goods,),
                **more,
            }
        )
        self._confirm(rma, action, at)
        self.facts(credited_at=at, credited=Decimal(gross), credit_note="CR-1")

    def adopted(self, rma: str = "RMA1001", at: datetime = DAY0, gross: str = "36") -> None:
        """Somebody else's note over unit u1 was taken for ours."""
        key = business_key(SHOP, rma, "credit", ["u1"])
        action = AdoptCreditNote(
            key=key,
            sale_id=SALE,
            units=("u1",),
            task_id="t",
            number="CR-9",
            net=gbp("30"),
            tax=gbp("6"),
            gross=gbp(gross),
        )
        self._confirm(rma, action, at, ours=False)
        self.facts(credited_at=at, credited=Decimal(gross), credit_note="CR-9")

    def stocked(self, word: str = "restock", at: datetime = DAY0) -> None:
        """A movement shows where unit u1 is."""
        self.facts(stocked_at=at, stocked_as=word, stocked_where="Main Warehouse")

    def written_off(self, rma: str = "RMA1001", at: datetime = DAY0) -> None:
        """A write-off took unit u1 out of the books."""
        key = business_key(SHOP, rma, "write-off", ["u1"])
        action = WriteOffStock(
            key=key,
            sale_id="",
            units=("u1",),
            location_id="q",
            account="403",
            effective_on=at.date(),
            notes="",
            lines=(),
        )
        self._confirm(rma, action, at)
        self.stocked("written_off", at)

    def _confirm(self, rma: str, action: Action, at: datetime, *, ours: bool = True) -> None:
        with self.ledger.write() as conn:
            (row,) = returns.find(conn, rma)
            entry = entries.wake(conn, SHOP, "credit-notes", rma, row["id"], at)
            effect_id = effects.plan(conn, entry, SHOP, row["id"], action, at)
            assert effect_id is not None
            claimed = effects.claim(conn, effect_id, at, timedelta(minutes=1))
            assert claimed is not None
            money: dict[str, Any] = {name: getattr(action, name, None) for name in ("net", "tax", "gross")}
            assert effects.confirm(conn, claimed, Outcome("t-1", "CR-1", **money, ours=ours), at) is not None

    def raised(self, kind: ConcernType, money: str = "5", at: datetime = DAY0, return_id: int | None = None) -> None:
        """A sweep or a consumer tells of it."""
        concern = Concern(kind, f"cause of {kind}", "step", gbp(money))
        with self.ledger.write() as conn:
            concerns.raise_(conn, SHOP, "test", "RMA1001", concern, at, return_id=return_id)

    def closed(self, at: datetime) -> None:
        """What was raised is over."""
        with self.ledger.write() as conn:
            concerns.close(conn, SHOP, "test", "RMA1001", at)

    def accepted(self, return_id: int, kind: ConcernType, at: datetime = DAY0) -> None:
        """A person lives with it."""
        with self.ledger.write() as conn:
            concerns.accept(conn, return_id, kind, "agreed", "ann", at)

    def invoiced(self, amount: str) -> None:
        """The sale's invoices, as the index knows them."""
        row = SaleRow(
            SALE, "SO-1", "#1001", "", "INV-1", "", "Simple Sale", "COMPLETED", "AUTHORISED", "AUTHORISED", "", "", "",
            "GBP", DAY0, invoices_total=Decimal(amount),
        )  # fmt: skip
        with self.ledger.write() as conn:
            sales.keep_sale_row(conn, SHOP, row, DAY0)

    def paid_out(self, refund: str = "r-1", amount: str = "36", at: datetime = DAY0, payout: str = "po-1") -> None:
        """A payout holds this refund."""
        with self.ledger.write() as conn:
            payouts.keep(conn, SHOP, [PayoutLine(payout, refund, gbp(amount), at)], at)

    # -- what shows ---------------------------------------------------------------------------------------------------

    def after(self, days: float, gap: Gap | None = None, **asked: Any) -> list[GapItem]:
        """The gaps so many days after the first."""
        with self.ledger.read() as conn:
            return board.find(conn, {SHOP: self.terms}, DAY0 + timedelta(days=days), gap=gap, **asked)

    def names(self, days: float) -> set[str]:
        """Their names."""
        return {item.gap.value for item in self.after(days)}

    def count(self, table: sa.Table) -> int:
        """Rows of a table."""
        with self.ledger.read() as conn:
            return int(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def refund_of(*units: str, amount: str = "36", at: datetime = DAY0, reference: str = "r-1", **more: Any) -> Transaction:
    """A refund to the card that succeeded."""
    return Transaction(
        **{
            "transaction_id": "tx-1",
            "kind": "RefundToPaymentMethod",
            "status": "Success",
            "amount": Money(Decimal(amount), "GBP"),
            "unit_ids": units,
            "reference": reference,
            "reference_kind": "PlatformRefundId",
            "created_at": at,
            "updated_at": at,
            **more,
        }
    )


def the_unit(**more: Any) -> Any:
    """Unit u1, refunded to the card."""
    return a_unit(resolution="RefundToPaymentMethod", **more)


def here(**more: Any) -> Return:
    """The parcel is received."""
    return a_return(the_unit(), **{"received_at": DAY0, "created_at": DAY0, "approved_at": DAY0, **more})


def on_its_way(**more: Any) -> Return:
    """Approved; the parcel is not here."""
    return here(**{"status": "Approved", "parcel": "Shipped", "received_at": None, **more})

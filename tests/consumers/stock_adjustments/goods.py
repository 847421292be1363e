"""A return that is credited, and what the stock decision makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from consumers.case import Case, Done, Plan
from consumers.stock_adjustments import decision
from schemas.actions import Action
from schemas.effects import EffectState
from schemas.returns import Return
from schemas.sales import Account, AvailabilityRow, Movement, Sale
from schemas.terms import Disposition, DispositionRule, Finding, Terms
from tests.consumers.builders import CAGE, MAIN, NOW, FakeBooks, a_case, a_line, a_sale, an_invoice, some_terms
from tests.consumers.decide import decided, the_note

#: Three tees at 9.40 each left the shelf.
THREE = an_invoice(a_line(quantity=3, tax="18"))


def sold(*invoices: Any, cost: str = "28.20", **more: Any) -> Sale:
    """A shipped sale whose movements tell what its goods cost."""
    movement = Movement("task-ship-INV-1", "p-tee-blk-m", -Decimal(cost))
    return a_sale(*(invoices or (THREE,)), **{"movements": (movement,), **more})


def damage_terms(**more: Any) -> Terms:
    """Damaged goods are written off out of the cage; what is good, or not looked at yet, goes back on sale."""
    rules = (
        DispositionRule("*", Finding.NOT_RESTOCKABLE, Disposition.WRITE_OFF),
        DispositionRule("Faulty", Finding.UNINSPECTED, Disposition.WRITE_OFF),
        DispositionRule("*", None, Disposition.RESTOCK),
    )
    return some_terms(**{"dispositions": rules, "write_off_account": "403", "late_arrival_account": "310", **more})


def confirmed(action: Action, at: datetime = NOW, **more: Any) -> Done:
    """The effect of this action as done."""
    told = {"restock_status": "AUTHORISED", **more.pop("details", {})}
    plain = {
        "state": EffectState.CONFIRMED,
        "reference": "task-CR-1",
        "number": "CR-1",
        "confirmed_at": at,
        "details": told,
    }
    return Done(**{"key": action.key, "kind": action.kind, "units": action.units, "action": action, **plain, **more})


def credited(ret: Return, sale: Sale | None = None, terms: Terms | None = None, **more: Any) -> Case:
    """The return with its credit note confirmed, goods where the map sent them."""
    note = the_note(decided(ret, sale or sold(), terms or damage_terms()))
    return a_case(ret, confirmed(note, **more))


def later(case: Case, *effects: Done, ret: Return | None = None, **more: Any) -> Case:
    """The same return with more in the ledger, and as ReturnGO tells it now."""
    return replace(case, effects=case.effects + effects, ret=ret or case.ret, **more)


def on_shelf(location: str = CAGE.name, on_hand: str = "5", sku: str = "TEE-BLK-M", **more: Any) -> AvailabilityRow:
    """So many pieces at a location, none of them promised."""
    row = {"product_id": "p", "sku": sku, "location": location, "bin": "", "batch": "", "on_hand": Decimal(on_hand)}
    free = {"allocated": Decimal(0), "available": Decimal(on_hand), "stock_value": Decimal(0)}
    return AvailabilityRow(**{**row, **free, **more})


class Shelves(FakeBooks):
    """Books with known accounts."""

    known = ("403", "404", "310")

    def account(self, code: str) -> Account | None:
        """Three accounts exist; 404 is not active any more."""
        return Account(code, code, "EXPENSE", active=code != "404", for_payments=False) if code in self.known else None


def goods_plan(case: Case, terms: Terms | None = None, now: datetime = NOW, **books: Any) -> Plan:
    """Gather and plan in one step, as the engine does."""
    used = terms or damage_terms()
    stock = (on_shelf(CAGE.name), on_shelf(MAIN.name))
    asked = Shelves(**{"sale": sold(), "stock": stock, **books})
    return decision.plan(case, decision.gather(case, used, asked), used, now)


def stock_actions(plan: Plan) -> list[Action]:
    """What moves goods, without the look at their value."""
    return [action for action in plan.actions if action.kind != "value"]


__all__ = ["CAGE", "MAIN", "NOW", "THREE"]

"""Stories of exchanges for tests: a tee in M comes back, a tee in L goes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from consumers.case import Case, Done, Plan
from consumers.exchange_orders import decision
from schemas.actions import Action, AuthoriseOrder, LinkExchangeOrder, PostCreditNote, UnitGoods, business_key
from schemas.concerns import Concern, ConcernType
from schemas.effects import EffectState
from schemas.returns import ExchangeItem, ExchangeOrder, Return, Transaction, Unit
from schemas.sales import DRAFT, AvailabilityRow, Sale
from schemas.terms import Terms
from tests.consumers.builders import (
    CREATED,
    MAIN,
    NOW,
    FakeBooks,
    a_case,
    a_line,
    a_return,
    a_sale,
    a_unit,
    d,
    gbp,
    some_terms,
)

DRAFT_NAME, REAL_NAME = "#D26", "#1044"
EXCHANGE_SALE = "0a000000-0000-4000-8000-000000000077"
CREDITED_AT = CREATED + timedelta(days=1)


def a_swap(unit_id: str = "u1", price: str = "36", **more: Any) -> Unit:
    """A tee in M, to be exchanged for one in L at this price."""
    item = ExchangeItem("TEE-BLK-L", "v-l", 1, gbp(price))
    return a_unit(unit_id, **{"resolution": "InstantVariantExchange", "exchange_items": (item,), **more})


def an_order(*, released: bool = False, name: str = "", kind: str = "Exchange", draft: str = "900") -> ExchangeOrder:
    """The exchange's order in the portal: a draft, or released as #1044."""
    return ExchangeOrder(draft, "7044" if released else "", name or (REAL_NAME if released else DRAFT_NAME), kind)


def an_exchange(*units: Unit, order: ExchangeOrder | None = None, **more: Any) -> Return:
    """RMA 1001, received, with one exchange order."""
    return a_return(*(units or (a_swap(),)), **{"exchange_orders": (order or an_order(),), **more})


def a_draft(order_status: str = DRAFT, reference: str = DRAFT_NAME, **more: Any) -> Sale:
    """The exchange's sale in Cin7, still a draft."""
    line = a_line("TEE-BLK-L", price="30", tax="6")
    fields: dict[str, Any] = {
        "sale_id": EXCHANGE_SALE,
        "order_number": "SO-77",
        "customer_reference": reference,
        "status": "ORDERING",
        "order_status": order_status,
        "order_lines": (line,),
        "order_total": gbp(36),
        "invoices": (),
        "fulfilments": (),
        "order_memo": "gift wrap",
    }
    return a_sale(**{**fields, **more})


def on_shelf(available: str = "5", sku: str = "TEE-BLK-L", location: str = MAIN.name) -> AvailabilityRow:
    """Stock of the new item; on hand is always plenty, so that only Available decides."""
    return AvailabilityRow("p-l", sku, location, "", "", d(50), d(0), d(available), d(100))


def credited(*units: str, number: str = "CR-1", at: datetime = CREDITED_AT) -> Done:
    """The confirmed credit note of the swapped units, 36.00 each."""
    units = units or ("u1",)
    key = business_key("alder", "RMA1001", "credit", units)
    note = PostCreditNote(
        key=key,
        sale_id="s",
        units=units,
        task_id="t",
        simple=True,
        invoice_number="INV-1",
        memo="",
        noted_on=date(2026, 3, 11),
        rate=d(1),
        lines=(),
        charges=(),
        restock=(),
        net=gbp(30),
        tax=gbp(6),
        gross=gbp(36),
        goods=tuple(UnitGoods(unit, gbp(36), "restock", MAIN.name) for unit in units),
    )
    return Done(key, "credit", EffectState.CONFIRMED, units, number=number, gross=gbp(36), action=note, confirmed_at=at)


def performed(action: Action, at: datetime = NOW, state: str = EffectState.CONFIRMED, **more: Any) -> Done:
    """The action as the ledger holds it later."""
    kind = action.key.split(":")[2]
    return Done(action.key, kind, EffectState(state), action.units, action=action, confirmed_at=at, **more)


def a_payment(status: str = "Requested", amount: str = "18", at: datetime = CREATED) -> Transaction:
    """What the shopper is asked to pay for a dearer exchange."""
    return Transaction("tx1", "InvoicePayment", status, gbp(amount), created_at=at, updated_at=at)


def watched(
    ret: Return | None = None,
    *effects: Done,
    sale: Sale | Concern | None = None,
    stock: Sequence[AvailabilityRow] = (),
    now: datetime = NOW,
    accepted: frozenset[ConcernType] = frozenset(),
    services: Iterable[str] = (),
    aliases: Mapping[str, str] | None = None,
    **terms: Any,
) -> Plan:
    """What the exchange watch plans, gather and plan in one step as the engine does."""
    used: Terms = some_terms(**terms)
    case: Case = a_case(ret or an_exchange(), *effects, accepted=accepted, first_seen=CREATED)
    books = FakeBooks(
        exchange=sale, stock=stock or (on_shelf(),), services=frozenset(services), aliases=dict(aliases or {})
    )
    return decision.plan(case, decision.gather(case, used, books), used, now)


def done_kinds(plan: Plan) -> list[str]:
    """The kinds of action in a plan, in order."""
    return [type(action).__name__ for action in plan.actions]


def raised(plan: Plan) -> dict[ConcernType, Concern]:
    """The exceptions a person would see, by type."""
    return {concern.kind: concern for concern in plan.all_concerns()}


def the_release(plan: Plan) -> AuthoriseOrder:
    """The plan's one release."""
    [action] = [one for one in plan.actions if isinstance(one, AuthoriseOrder)]
    return action


def the_records(plan: Plan) -> list[LinkExchangeOrder]:
    """The records a plan writes down."""
    return [one for one in plan.actions if isinstance(one, LinkExchangeOrder)]

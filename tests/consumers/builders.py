"""Small stories for tests: a sale of a shop called Alder, its returns, and books that answer from memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from consumers.case import Case, Done
from consumers.shared.order_names import ExchangeNames
from schemas.concerns import Concern
from schemas.effects import EffectState
from schemas.money import Money, total
from schemas.returns import APPROVED, RECEIVED, VALIDATED, Inspection, Return, Shipment, Unit
from schemas.sales import (
    ADVANCED,
    AUTHORISED,
    SIMPLE,
    Account,
    AvailabilityRow,
    CreditNote,
    DocumentLine,
    Fulfilment,
    Invoice,
    Location,
    Sale,
    StockLine,
    TaxRule,
    Tenant,
)
from schemas.terms import Disposition, DispositionRule, Terms

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
CREATED = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
SALE_ID = "0a000000-0000-4000-8000-000000000001"
VAT = "20% (VAT on Income)"
MAIN = Location("loc-main", "Main Warehouse")
CAGE = Location("loc-cage", "Returns Cage")


def d(value: str | int) -> Decimal:
    """A Decimal, short."""
    return Decimal(value)


def gbp(value: str | int) -> Money:
    """Pounds."""
    return Money(Decimal(value), "GBP")


def a_line(
    sku: str = "TEE-BLK-M",
    quantity: str | int = 1,
    price: str = "30",
    *,
    tax: str = "0",
    discount: str = "0",
    total_: str | None = None,
    currency: str = "GBP",
    **more: Any,
) -> DocumentLine:
    """An invoice line; its Total is quantity × price less discount unless given. Product ids derive from the SKU."""
    worth = Decimal(quantity) * Decimal(price) * (100 - Decimal(discount)) / 100
    return DocumentLine(
        **{
            "product_id": f"p-{sku.casefold()}",
            "sku": sku,
            "name": sku.title(),
            "quantity": Decimal(quantity),
            "price": Money(Decimal(price), currency),
            "discount": Decimal(discount),
            "tax": Money(Decimal(tax), currency),
            "total": Money(Decimal(total_) if total_ is not None else worth, currency),
            "tax_rule": VAT,
            "account": "200",
            **more,
        }
    )


def _sum(lines: Sequence[DocumentLine], currency: str, inclusive: bool) -> tuple[Money, Money, Money]:
    tax = total((line.tax for line in lines), currency)
    amount = total((line.total for line in lines), currency)
    return (amount - tax, tax, amount) if inclusive else (amount, tax, amount + tax)


def an_invoice(
    *lines: DocumentLine, number: str = "INV-1", status: str = AUTHORISED, inclusive: bool = False, **more: Any
) -> Invoice:
    """An authorised invoice whose totals are those of its lines."""
    lines = lines or (a_line(tax="6"),)
    net, tax, gross = _sum(lines, lines[0].total.currency, inclusive)
    return Invoice(
        **{
            "task_id": f"task-{number}",
            "number": number,
            "status": status,
            "invoiced_on": date(2026, 3, 1),
            "rate": Decimal(1),
            "lines": lines,
            "charges": (),
            "total_before_tax": net,
            "tax": tax,
            "total": gross,
            **more,
        }
    )


def a_note(
    *lines: DocumentLine, number: str = "CR-1", memo: str = "", inclusive: bool = False, **more: Any
) -> CreditNote:
    """An authorised credit note against INV-1, made by somebody else unless the memo says otherwise."""
    net, tax, gross = _sum(lines, lines[0].total.currency, inclusive) if lines else (gbp(0), gbp(0), gbp(0))
    return CreditNote(
        **{
            "task_id": f"task-{number}",
            "number": number,
            "invoice_number": "INV-1",
            "memo": memo,
            "status": AUTHORISED,
            "noted_on": date(2026, 3, 15),
            "rate": Decimal(1),
            "lines": lines,
            "charges": (),
            "restock": (),
            "total_before_tax": net,
            "tax": tax,
            "total": gross,
            **more,
        }
    )


def a_pick(sku: str = "TEE-BLK-M", quantity: str | int = 1, **more: Any) -> StockLine:
    """What was picked from the main warehouse."""
    return StockLine(
        **{
            "product_id": f"p-{sku.casefold()}",
            "sku": sku,
            "name": sku.title(),
            "quantity": Decimal(quantity),
            "location_id": MAIN.location_id,
            "location": MAIN.name,
            **more,
        }
    )


def a_fulfilment(*picks: StockLine, shipped: bool = True, invoice_number: str = "INV-1") -> Fulfilment:
    """One shipment."""
    return Fulfilment("task-ship-" + invoice_number, 1, invoice_number, AUTHORISED, picks, shipped)


def _shipped(invoices: Sequence[Invoice]) -> tuple[Fulfilment, ...]:
    return tuple(
        a_fulfilment(*(a_pick(line.sku, str(line.quantity)) for line in invoice.lines), invoice_number=invoice.number)
        for invoice in invoices
    )


def a_sale(*invoices: Invoice, notes: Sequence[CreditNote] = (), kind: str = ADVANCED, **more: Any) -> Sale:
    """An advanced, tax-exclusive sale with everything invoiced and shipped."""
    invoices = invoices or (an_invoice(),)
    lines = tuple(line for invoice in invoices for line in invoice.lines)
    currency = invoices[0].total.currency
    return Sale(
        **{
            "sale_id": SALE_ID,
            "kind": kind,
            "order_number": "SO-1",
            "customer_reference": "#1001",
            "external_id": "",
            "status": "COMPLETED",
            "order_status": AUTHORISED,
            "currency": currency,
            "base_currency": "GBP",
            "rate": invoices[0].rate,
            "tax_inclusive": False,
            "tax_rule": VAT,
            "location": MAIN.name,
            "source_channel": "Shopify",
            "order_lines": lines,
            "order_charges": (),
            "order_total": total((i.total for i in invoices), currency),
            "fulfilments": _shipped(invoices),
            "invoices": tuple(invoices),
            "credit_notes": tuple(notes),
            **more,
        }
    )


def a_simple_sale(*invoices: Invoice, notes: Sequence[CreditNote] = (), **more: Any) -> Sale:
    """A simple sale: one invoice, one credit note."""
    return a_sale(*invoices, notes=notes, kind=SIMPLE, **more)


def a_unit(
    unit_id: str = "u1", sku: str = "TEE-BLK-M", paid: str = "36", *, tax: str = "6", currency: str = "GBP", **more: Any
) -> Unit:
    """A unit the shopper paid 36.00 for, tax included, shipped back in parcel s1."""
    return Unit(
        **{
            "returned_item_id": unit_id,
            "line_item_id": f"li-{unit_id}",
            "sku": sku,
            "name": sku.title(),
            "paid": Money(Decimal(paid), currency),
            "tax": Money(Decimal(tax), currency),
            "tax_included": True,
            "shop_paid": Money(Decimal(paid), currency),
            "reason": "Too small",
            "shipment_id": "s1",
            "method": "Ship with any carrier",
            **more,
        }
    )


def found_good(location: str = "", **more: Any) -> Inspection:
    """Inspected: there, and as new."""
    return Inspection(**{"returned": True, "restockable": True, "at": CREATED, "location": location, **more})


def found_faulty() -> Inspection:
    """Inspected: there, but not for sale."""
    return found_good(restockable=False, not_restockable_reason="Damaged")


def not_found() -> Inspection:
    """Inspected: not in the parcel."""
    return found_good(returned=False, restockable=False)


def a_return(*units: Unit, status: str = VALIDATED, parcel: str = RECEIVED, **more: Any) -> Return:
    """RMA 1001 of order #1001, its one parcel received."""
    return Return(
        **{
            "rma_id": "RMA1001",
            "status": status,
            "order_id": "55001",
            "order_name": "#1001",
            "units": units or (a_unit(),),
            "shipments": (Shipment("s1", parcel),),
            "created_at": CREATED,
            "approved_at": CREATED,
            "received_at": CREATED,
            **more,
        }
    )


def an_approved_return(*units: Unit, **more: Any) -> Return:
    """Approved, the parcel still on its way."""
    return a_return(*units, **{"status": APPROVED, "parcel": "Shipped", "received_at": None, **more})


def a_case(ret: Return | None = None, *effects: Done, **more: Any) -> Case:
    """What the ledger knows about a return of shop alder."""
    return Case(**{"shop": "alder", "ret": ret or a_return(), "effects": effects, **more})


def done(*units: str, state: str = EffectState.CONFIRMED, number: str = "CR-1", **more: Any) -> Done:
    """A credit effect in the ledger."""
    key = f"alder:RMA1001:credit:{','.join(units)}"
    return Done(**{"key": key, "kind": "credit", "state": EffectState(state), "units": units, "number": number, **more})


def some_terms(**more: Any) -> Terms:
    """Restock what is good, cage what is not; posted from February."""
    return Terms(
        **{
            "go_live": date(2026, 2, 1),
            "dispositions": (
                DispositionRule("Too small", None, Disposition.RESTOCK),
                DispositionRule("Faulty", None, Disposition.QUARANTINE),
            ),
            "sellable_location": MAIN.name,
            "quarantine_location": CAGE.name,
            **more,
        }
    )


def a_tenant(**more: Any) -> Tenant:
    """Alder Ltd, books in pounds, clocks in London."""
    return Tenant(
        **{
            "company": "Alder Ltd",
            "currency": "GBP",
            "time_zone": "Europe/London",
            "lock_date": None,
            "tax_calculation": "Row Total",
            **more,
        }
    )


@dataclass
class FakeBooks:
    """Books that answer from memory and count how often the sale was asked for."""

    sale: Sale | Concern | None = field(default_factory=a_sale)
    locations: Sequence[Location] = (MAIN, CAGE)
    tax_rules: Sequence[TaxRule] = (TaxRule(VAT, Decimal(20), active=True, for_sale=True),)
    company: Tenant = field(default_factory=a_tenant)
    aliases: dict[str, str] = field(default_factory=dict)
    total_rule: str = ""
    stock: Sequence[AvailabilityRow] = ()
    claimed: frozenset[str] = frozenset()
    exchange: Sale | Concern | None = None
    services: frozenset[str] = frozenset()
    asked: int = 0

    def sale_of(self, order_name: str, order_id: str) -> Sale | Concern:
        """The one sale."""
        self.asked += 1
        assert self.sale is not None
        return self.sale

    def read_sale(self, sale_id: str) -> Sale | None:
        """The one sale, by an id that an effect already names; None stands for a deleted one."""
        self.asked += 1
        if self.sale is None:
            return None
        assert isinstance(self.sale, Sale)
        assert self.sale.sale_id == sale_id
        return self.sale

    def location(self, name: str) -> Location | None:
        """By exact name or id."""
        return next((one for one in self.locations if name in {one.name, one.location_id}), None)

    def tax_rule(self, name: str) -> TaxRule | None:
        """By exact name."""
        return next((rule for rule in self.tax_rules if rule.name == name), None)

    def account(self, code: str) -> Account | None:
        """Every account exists."""
        return Account(code, f"Account {code}", "REVENUE", active=True, for_payments=True)

    def tenant(self) -> Tenant:
        """The company."""
        return self.company

    def stock_of(self, sku: str) -> tuple[AvailabilityRow, ...]:
        """The rows of one SKU."""
        return tuple(row for row in self.stock if row.sku == sku)

    def keeps_stock(self, sku: str) -> bool:
        """Everything but the services."""
        return sku not in self.services

    def exchange_sale(self, names: ExchangeNames) -> Sale | Concern | None:
        """The sale of the exchange, where its names fit."""
        found = self.exchange
        if isinstance(found, Sale) and not names.fit(found.order_number, found.customer_reference, found.external_id):
            return None
        return found

    def alias(self, sku: str) -> str | None:
        """A remembered SKU."""
        return self.aliases.get(sku)

    def claimed_notes(self, sale_id: str) -> frozenset[str]:
        """Notes other returns adopted."""
        return self.claimed

    def learned_rule(self) -> str:
        """What other sales showed."""
        return self.total_rule

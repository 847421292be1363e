"""Cin7 Core's company settings, reference books, products, journals and webhooks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

from pipeline.calls.quota import Priority
from pipeline.cin7.lists import Lists, PageQuery, Rows, insist_found
from schemas.cin7 import reference, stock
from schemas.cin7.reference import Product, StockMovement, Webhook
from schemas.cin7.stock import JournalLine
from schemas.sales import Account, Location, TaxRule, Tenant

T = TypeVar("T")


class ReferenceCalls:
    """What may be asked about the company itself."""

    _line: Lists

    def me(self, *, priority: Priority = Priority.BULK) -> Tenant:
        """The company's settings; also the cheapest proof that the keys are good."""
        return self._line.get("me", (), priority, reference.read_tenant, "Company")

    def locations(self, *, priority: Priority = Priority.BULK) -> tuple[Location, ...]:
        """Every location and bin, each once."""
        rows = self._whole(PageQuery("ref/location", "LocationList"), priority, reference.read_locations)
        return tuple({row.location_id: row for row in rows}.values())

    def tax_rules(self, *, priority: Priority = Priority.BULK) -> tuple[TaxRule, ...]:
        """Every tax rule."""
        return self._whole(PageQuery("ref/tax", "TaxRuleList"), priority, reference.read_tax_rules)

    def accounts(self, *, priority: Priority = Priority.BULK) -> tuple[Account, ...]:
        """The chart of accounts."""
        return self._whole(PageQuery("ref/account", "AccountsList"), priority, reference.read_accounts)

    def products(self, sku: str, *, priority: Priority = Priority.BULK) -> tuple[Product, ...]:
        """The products of exactly this SKU; else those that differ only in case (the caller sees which)."""
        return self._products((("Sku", sku),), sku, priority)

    def catalogue(self, *, priority: Priority = Priority.BULK) -> tuple[Product, ...]:
        """Every product of the company, 1,000 a call."""
        return self._whole(PageQuery("product", "Products"), priority, reference.read_products)

    def movements(self, sku: str, *, priority: Priority = Priority.BULK) -> tuple[StockMovement, ...]:
        """Every movement of exactly this SKU."""
        found = self._products((("Sku", sku), ("IncludeMovements", "true")), sku, priority)
        return tuple(movement for product in found if product.sku == sku for movement in product.movements)

    def transactions(self, first: date, last: date, *, priority: Priority = Priority.BULK) -> tuple[JournalLine, ...]:
        """The journal lines of a span of days, both included."""
        params = (("FromDate", f"{first.isoformat()}T00:00:00"), ("ToDate", f"{last.isoformat()}T23:59:59"))
        return self._whole(PageQuery("transactions", "Transactions", params), priority, stock.read_journal)

    def webhooks(self, *, priority: Priority = Priority.BULK) -> tuple[Webhook, ...]:
        """The webhook registrations."""
        return self._line.get("webhooks", (), priority, reference.read_webhooks, "Webhooks")

    def put_webhook(
        self,
        kind: str,
        url: str,
        bearer: str,
        *,
        webhook_id: str = "",
        active: bool = True,
        priority: Priority = Priority.BULK,
    ) -> None:
        """Register a webhook, or replace one. The bearer always goes along: a PUT without it would wipe it."""
        body: dict[str, Any] = {
            "Type": kind,
            "IsActive": active,
            "ExternalURL": url,
            "ExternalAuthorizationType": "bearerauth",
            "ExternalBearerToken": bearer,
            "ExternalHeaders": [],
        }
        method = "PUT" if webhook_id else "POST"
        body |= {"ID": webhook_id} if webhook_id else {}
        self._line.write(method, "webhooks", body, priority, lambda _: None, secret=True)

    def _products(self, params: tuple[tuple[str, str], ...], sku: str, priority: Priority) -> tuple[Product, ...]:
        found: list[Product] = []
        query = PageQuery("product", "Products", params)
        for page in self._line.pages(query, priority, reference.read_products, lambda row: row.product_id):
            insist_found(page, "Sku", sku, lambda row: (row.sku,))
            found.extend(page)
        exact = tuple(product for product in found if product.sku == sku)
        return exact or tuple(product for product in found if product.sku.lower() == sku.strip().lower())

    def _whole(self, query: PageQuery, priority: Priority, read: Callable[[Any], Rows[T]]) -> tuple[T, ...]:
        return tuple(row for page in self._line.pages(query, priority, read, None) for row in page)

"""Cin7 Core as the decisions see it: a sale is always read fresh and by one writer at a time; reference books come from
memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from consumers.shared.line_total_rule import shown
from consumers.shared.order_names import ExchangeNames
from consumers.shared.whose_sale import Order
from pipeline.calls.failures import NotFound
from pipeline.calls.quota import Priority
from pipeline.ledger import cursors, reference_books, returns, sales
from pipeline.ledger.codec import from_json, to_json
from pipeline.parts import Parts, ShopParts
from schemas.concerns import Concern
from schemas.sales import Account, AvailabilityRow, Location, Sale, TaxRule, Tenant
from schemas.terms import ExternalIds
from tasks.books import lost_sales
from tasks.books.exchange_sale import sale_named
from tasks.books.sale_search import SaleSearch
from tasks.failures import SaleBusyError

T = TypeVar("T")
#: Where the ledger remembers the company's line-total rule.
_TOTAL_RULE = "total_rule"
#: Product types of which Cin7 keeps no stock.
_NO_STOCK = frozenset({"Service", "Non Inventory"})


class LedgerBooks:
    """Answers the questions of `consumers.case.Books` from Cin7, at the price of as few calls as is safe.

    `sale` is the sale last read, for the look-up before the first send.
    """

    def __init__(
        self, parts: Parts, shop: ShopParts, return_id: int | None, holder: str, until: datetime | None = None
    ) -> None:
        self._parts = parts
        self._shop = shop
        self._return_id = return_id
        self._holder = holder
        self._until = until
        # Shops of one Cin7 company may meet on one sale: they claim it under one and the same name.
        self._company = parts.settings.same_company(shop.name)[0]
        self._held: list[str] = []
        self.sale: Sale | None = None

    # -- sales --------------------------------------------------------------------------------------------------------

    def sale_of(self, order_name: str, order_id: str) -> Sale | Concern:
        """The order's sale, read fresh under a claim. Raises SaleBusyError while another entry writes to it.

        A sale that is voided, gone, or another order's by now is looked for again, unless a note of ours is on it. A
        voided one is answered only where no other carries the order.
        """
        ids_decide = self._shop.terms.external_ids is ExternalIds.ORDER_ID
        search = SaleSearch(self._parts, self._shop, Order(order_name, order_id if ids_decide else ""))
        looked: dict[str, Sale | None] = {}
        dropped: set[str] = set()
        while True:
            found = search.find()
            if isinstance(found, Concern):
                if lost_sales.drop_lost(self._parts, self._shop, found, dropped):
                    continue
                return found
            if found in looked:
                return looked[found] or lost_sales.unreadable(order_name, found)
            sale = looked[found] = self.read_sale(found)
            anothers = sale is not None and search.refuses(sale)
            if sale is not None and not anothers and self._stands(sale):
                return sale
            shop = self._shop.name
            notes = lost_sales.let_go(self._parts, shop, order_name, found, sale, anothers=anothers)
            if notes:
                return lost_sales.with_our_notes(order_name, sale, notes, self._return_id)
            self._untie()

    def _stands(self, sale: Sale) -> bool:
        """Whether the sale counts. A voided one does for a return that a person settled outside it: another sale would
        credit it twice."""
        return not sale.voided or lost_sales.settled_outside(self._parts, self._return_id)

    def read_sale(self, sale_id: str) -> Sale | None:
        """This sale, fresh, and nobody else writes to it until `release`; None where Cin7 has it no more."""
        self._claim(sale_id)
        try:
            self.sale = self._shop.cin7.sale(sale_id, priority=Priority.MONEY)
        except NotFound:
            self.sale = None
            return None
        self._learn(self.sale)
        return self.sale

    def exchange_sale(self, names: ExchangeNames) -> Sale | Concern | None:
        """The sale of an exchange's new order, fresh and claimed; it does not become the return's own sale. One that is
        voided or gone counts only until the index names another."""
        if self._shop.terms.external_ids is not ExternalIds.ORDER_ID:
            names = replace(names, ids=frozenset())
        looked: dict[str, Sale | None] = {}
        dropped: set[str] = set()
        while True:
            found = sale_named(self._parts, self._shop.name, names, self._own_sale())
            if isinstance(found, Concern) and lost_sales.drop_lost(self._parts, self._shop, found, dropped):
                continue
            if found is None or isinstance(found, Concern):
                return found
            if found in looked:
                return looked[found]
            sale = looked[found] = self._read_exchange(found)
            if sale is not None and not sale.voided:
                return sale
            with self._parts.ledger.write() as conn:
                cursors.correct_sale_row(conn, self._shop.name, found, sale)

    def _read_exchange(self, sale_id: str) -> Sale | None:
        self._hold(sale_id)
        try:
            self.sale = self._shop.cin7.sale(sale_id, priority=Priority.BULK)
        except NotFound:
            self.sale = None
        return self.sale

    def _own_sale(self) -> str:
        if self._return_id is None:
            return ""
        with self._parts.ledger.read() as conn:
            return str(returns.by_id(conn, self._return_id)["sale_id"])

    def _claim(self, sale_id: str) -> None:
        self._hold(sale_id)
        if self._return_id is not None:
            with self._parts.ledger.write() as conn:
                returns.set_sale(conn, self._return_id, sale_id)

    def _untie(self) -> None:
        """The sale that was read is another order's: the return has none again."""
        self.sale = None
        if self._return_id is not None:
            with self._parts.ledger.write() as conn:
                returns.set_sale(conn, self._return_id, "")

    def _hold(self, sale_id: str) -> None:
        now = self._parts.clock()
        # Held as long as the entry itself: whoever takes the entry over after a crash finds the sale free.
        lease = self._until - now if self._until else timedelta(seconds=self._parts.settings.intervals.lease)
        with self._parts.ledger.write() as conn:
            if not sales.claim_sale(conn, self._company, sale_id, self._holder, now, lease):
                raise SaleBusyError(f"another return is being written to sale {sale_id}")
        self._held.append(sale_id)

    def renew(self, until: datetime) -> None:
        """Keep the sales until then. Raises SaleBusyError where one was lost."""
        now, self._until = self._parts.clock(), until
        with self._parts.ledger.write() as conn:
            for sale_id in self._held:
                if not sales.claim_sale(conn, self._company, sale_id, self._holder, now, until - now):
                    raise SaleBusyError(f"sale {sale_id} went to another return meanwhile")

    def release(self) -> None:
        """Let others write to the sales that were read."""
        with self._parts.ledger.write() as conn:
            for sale_id in self._held:
                sales.release_sale(conn, self._company, sale_id, self._holder)
        self._held.clear()

    # -- reference books ----------------------------------------------------------------------------------------------

    def location(self, name: str) -> Location | None:
        """A location by exact name or GUID; bins by GUID only."""
        wanted = name.strip().casefold()
        for place in self._book(
            "locations", list[Location], lambda: self._shop.cin7.locations(priority=Priority.MONEY)
        ):
            if wanted in {place.name.casefold(), place.location_id.casefold()}:
                return place
        return None

    def tax_rule(self, name: str) -> TaxRule | None:
        """A tax rule by exact name."""
        rules = self._book("tax_rules", list[TaxRule], lambda: self._shop.cin7.tax_rules(priority=Priority.MONEY))
        return next((rule for rule in rules if rule.name == name), None)

    def account(self, code: str) -> Account | None:
        """An account by code."""
        accounts = self._book("accounts", list[Account], lambda: self._shop.cin7.accounts(priority=Priority.MONEY))
        return next((account for account in accounts if account.code == code), None)

    def tenant(self) -> Tenant:
        """The company's settings."""
        return self._book("me", Tenant, lambda: self._shop.cin7.me(priority=Priority.MONEY))

    def stock_of(self, sku: str) -> tuple[AvailabilityRow, ...]:
        """The stock of this SKU, read now."""
        return self._shop.cin7.availability_of(sku, priority=Priority.MONEY)

    def keeps_stock(self, sku: str) -> bool:
        """False only where Cin7 names the product a service or non-inventory."""
        kinds = {product.kind for product in self._shop.cin7.products(sku, priority=Priority.BULK)}
        return not kinds or not kinds <= _NO_STOCK

    def alias(self, sku: str) -> str | None:
        """The Cin7 SKU tied to this portal SKU."""
        with self._parts.ledger.read() as conn:
            return reference_books.alias(conn, self._shop.name, sku)

    def claimed_notes(self, sale_id: str) -> frozenset[str]:
        """Numbers and task ids of this sale's foreign notes that returns already adopted."""
        with self._parts.ledger.read() as conn:
            return sales.adopted_notes(conn, self._shop.name, sale_id)

    def learned_rule(self) -> str:
        """What a line Total means for this company, as the last sale that showed it did; "" before one has."""
        with self._parts.ledger.read() as conn:
            kept = reference_books.reference_book(conn, self._shop.name, _TOTAL_RULE)
        return str(kept[0]) if kept else ""

    def _learn(self, sale: Sale) -> None:
        rule = shown(sale)
        if rule is None or rule == self.learned_rule():
            return
        with self._parts.ledger.write() as conn:
            reference_books.keep_reference_book(conn, self._shop.name, _TOTAL_RULE, str(rule), self._parts.clock())

    def refresh(self, book: str) -> None:
        """Forget how old a reference book is allowed to be and read it now."""
        self.reread(book)

    def reread(self, book: str) -> bool:
        """Read a reference book now; whether it says something else than what was remembered."""
        now = self._parts.clock()
        content = to_json(_READERS[book](self._shop))
        with self._parts.ledger.write() as conn:
            kept = reference_books.reference_book(conn, self._shop.name, book)
            reference_books.keep_reference_book(conn, self._shop.name, book, content, now)
        return kept is not None and kept[0] != content

    def _book(self, name: str, kind: type[T], read: Callable[[], Any]) -> T:
        now = self._parts.clock()
        with self._parts.ledger.read() as conn:
            kept = reference_books.reference_book(conn, self._shop.name, name)
        # The sweep keeps the books fresh; a book older than two refreshes is read here, so that a dead sweep cannot age
        # a decision.
        fresh_enough = timedelta(seconds=2 * self._parts.settings.intervals.reference_refresh)
        if kept is None or now - kept[1] > fresh_enough:
            content = to_json(read())
            with self._parts.ledger.write() as conn:
                reference_books.keep_reference_book(conn, self._shop.name, name, content, now)
        else:
            content = kept[0]
        return from_json(kind, content)


_READERS: dict[str, Callable[[ShopParts], Any]] = {
    "me": lambda shop: shop.cin7.me(priority=Priority.BULK),
    "locations": lambda shop: list(shop.cin7.locations(priority=Priority.BULK)),
    "tax_rules": lambda shop: list(shop.cin7.tax_rules(priority=Priority.BULK)),
    "accounts": lambda shop: list(shop.cin7.accounts(priority=Priority.BULK)),
}
REFERENCE_BOOKS = tuple(_READERS)

"""Cin7 Core as the decisions see it: a sale is always read fresh and by one writer at a time; reference books come from
memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from consumers.exchange_names import ExchangeNames
from consumers.line_total_rule import shown
from pipeline.failures import NotFound
from pipeline.ledger import entries, memory, returns
from pipeline.ledger.codec import from_json, to_json
from pipeline.parts import Parts, ShopParts
from pipeline.quota import Lane
from schemas.concerns import Concern, ConcernType
from schemas.sales import VOIDED, Account, AvailabilityRow, Location, Sale, TaxRule, Tenant
from tasks import lost_sales
from tasks.exchange_books import sale_named
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
        self._held: list[str] = []
        self.sale: Sale | None = None

    # -- sales --------------------------------------------------------------------------------------------------------

    def sale_of(self, order_name: str, order_id: str) -> Sale | Concern:
        """The order's sale, read fresh under a claim. Raises SaleBusyError while another entry writes to it.

        A sale that is voided, gone, or another order's by now is looked for again, unless a note of ours is on it. A
        voided one is answered only where no other carries the order.
        """
        looked: dict[str, Sale | None] = {}
        dropped: set[str] = set()
        while True:
            found = self._find(order_name, order_id)
            if isinstance(found, Concern):
                if lost_sales.drop_lost(self._parts, self._shop, found, dropped):
                    continue
                return found
            if found in looked:
                return looked[found] or lost_sales.unreadable(order_name, found)
            sale = looked[found] = self.read_sale(found)
            if sale is not None and self._still(sale, order_name, order_id):
                return sale
            notes = lost_sales.let_go(self._parts, self._shop.name, order_name, found, sale)
            if notes:
                return lost_sales.with_our_notes(order_name, sale, notes, self._return_id)

    def _still(self, sale: Sale, order_name: str, order_id: str) -> bool:
        """Whether the sale is the order's. A voided one stays it for a return that a person settled outside it: another
        sale would credit it twice."""
        if sale.voided:
            return lost_sales.settled_outside(self._parts, self._return_id)
        return lost_sales.names(sale, _spellings(order_name, order_id))

    def read_sale(self, sale_id: str) -> Sale | None:
        """This sale, fresh, and nobody else writes to it until `release`; None where Cin7 has it no more."""
        self._claim(sale_id)
        try:
            self.sale = self._shop.cin7.sale(sale_id, lane=Lane.MONEY)
        except NotFound:
            self.sale = None
            return None
        self._learn(self.sale)
        return self.sale

    def exchange_sale(self, names: ExchangeNames) -> Sale | Concern | None:
        """The sale of an exchange's new order, fresh and claimed; it does not become the return's own sale. One that is
        voided or gone counts only until the index names another."""
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
                memory.correct_sale_row(conn, self._shop.name, found, sale)

    def _read_exchange(self, sale_id: str) -> Sale | None:
        self._hold(sale_id)
        try:
            self.sale = self._shop.cin7.sale(sale_id, lane=Lane.BULK)
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

    def _hold(self, sale_id: str) -> None:
        now = self._parts.clock()
        # Held as long as the entry itself: whoever takes the entry over after a crash finds the sale free.
        lease = self._until - now if self._until else timedelta(seconds=self._parts.settings.intervals.lease)
        with self._parts.ledger.write() as conn:
            if not memory.claim_sale(conn, self._shop.name, sale_id, self._holder, now, lease):
                raise SaleBusyError(f"another return is being written to sale {sale_id}")
        self._held.append(sale_id)

    def renew(self, until: datetime) -> None:
        """Keep the sales until then. Raises SaleBusyError where one was lost."""
        now, self._until = self._parts.clock(), until
        with self._parts.ledger.write() as conn:
            for sale_id in self._held:
                if not memory.claim_sale(conn, self._shop.name, sale_id, self._holder, now, until - now):
                    raise SaleBusyError(f"sale {sale_id} went to another return meanwhile")

    def release(self) -> None:
        """Let others write to the sales that were read."""
        with self._parts.ledger.write() as conn:
            for sale_id in self._held:
                memory.release_sale(conn, self._shop.name, sale_id, self._holder)
        self._held.clear()

    def _find(self, order_name: str, order_id: str) -> str | Concern:
        shop = self._shop.name
        if not order_name.strip():
            return self._choose("(no order name)", [], [])
        with self._parts.ledger.read() as conn:
            known = memory.sale_of_order(conn, shop, order_name)
            rows = [] if known else memory.sales_named(conn, shop, _spellings(order_name, order_id))
        if known:
            return known
        related: list[Mapping[str, Any]] = []
        # Where only voided sales are known, the order may have been imported again since the last list.
        if all(row["status"] == VOIDED for row in rows):
            rows, related = self._search(order_name, order_id)
        return self._choose(order_name, lost_sales.standing(rows), related)

    def _search(self, order_name: str, order_id: str) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
        """Ask Cin7; its search matches parts of words, so the exact comparison is ours."""
        now = self._parts.clock()
        rows = self._shop.cin7.find_sales(order_name.lstrip("#"), lane=Lane.MONEY)
        with self._parts.ledger.write() as conn:
            for row in rows:
                if memory.keep_sale_row(conn, self._shop.name, row, now):
                    # The poll will not see this change as news any more: whoever waits for the sale is woken here.
                    entries.wake_sale(conn, self._shop.name, row.sale_id, now)
            exact = memory.sales_named(conn, self._shop.name, _spellings(order_name, order_id))
        wanted = {name.casefold() for name in _spellings(order_name, order_id)}
        related: list[Mapping[str, Any]] = [
            {"sale_id": r.sale_id, "order_number": r.order_number}
            for r in rows
            if r.status != VOIDED and wanted & _words(r.customer_reference)
        ]
        return exact, related

    def _choose(
        self, order_name: str, rows: list[Mapping[str, Any]], related: list[Mapping[str, Any]]
    ) -> str | Concern:
        alive = [row for row in rows if row["status"] != VOIDED] or rows
        ids = sorted({str(row["sale_id"]) for row in alive})
        if len(ids) == 1:
            return self._remember(order_name, ids[0], "exact name")
        if len(ids) > 1:
            numbers = ", ".join(sorted(str(row["order_number"]) for row in alive))
            return Concern(
                ConcernType.CONSOLIDATED_SALE_AMBIGUOUS,
                f"{len(ids)} sales in Cin7 carry the name {order_name}: {numbers}.",
                "Give all but one of them another Customer Reference, or void the wrong one; this continues by itself.",
                details={"sales": ", ".join(ids)},
            )
        if len({row["sale_id"] for row in related}) == 1:
            # The one sale that names this order among others: its lines are matched by product and price paid.
            return self._remember(order_name, str(related[0]["sale_id"]), "one of several orders on the sale")
        if related:
            numbers = ", ".join(sorted(str(row["order_number"]) for row in related))
            return Concern(
                ConcernType.CONSOLIDATED_SALE_AMBIGUOUS,
                f"Order {order_name} is named by several Cin7 sales that hold many orders each: {numbers}.",
                "Credit this share by hand in Cin7; it will be adopted when the memo names the RMA.",
            )
        return Concern(
            ConcernType.ORDER_NOT_FOUND,
            f"No sale in Cin7 carries the name {order_name} as order number, customer reference or external id.",
            f"Import the order into Cin7, or put {order_name} into the sale's Customer Reference; it continues then.",
        )

    def _remember(self, order_name: str, sale_id: str, how: str) -> str:
        with self._parts.ledger.write() as conn:
            memory.remember_sale(conn, self._shop.name, order_name, sale_id, how, self._parts.clock())
        return sale_id

    # -- reference books ----------------------------------------------------------------------------------------------

    def location(self, name: str) -> Location | None:
        """A location by exact name or GUID; bins by GUID only."""
        wanted = name.strip().casefold()
        for place in self._book("locations", list[Location], lambda: self._shop.cin7.locations(lane=Lane.MONEY)):
            if wanted in {place.name.casefold(), place.location_id.casefold()}:
                return place
        return None

    def tax_rule(self, name: str) -> TaxRule | None:
        """A tax rule by exact name."""
        rules = self._book("tax_rules", list[TaxRule], lambda: self._shop.cin7.tax_rules(lane=Lane.MONEY))
        return next((rule for rule in rules if rule.name == name), None)

    def account(self, code: str) -> Account | None:
        """An account by code."""
        accounts = self._book("accounts", list[Account], lambda: self._shop.cin7.accounts(lane=Lane.MONEY))
        return next((account for account in accounts if account.code == code), None)

    def tenant(self) -> Tenant:
        """The company's settings."""
        return self._book("me", Tenant, lambda: self._shop.cin7.me(lane=Lane.MONEY))

    def stock_of(self, sku: str) -> tuple[AvailabilityRow, ...]:
        """The stock of this SKU, read now."""
        return self._shop.cin7.availability_of(sku, lane=Lane.MONEY)

    def keeps_stock(self, sku: str) -> bool:
        """False only where Cin7 names the product a service or non-inventory."""
        kinds = {product.kind for product in self._shop.cin7.products(sku, lane=Lane.BULK)}
        return not kinds or not kinds <= _NO_STOCK

    def alias(self, sku: str) -> str | None:
        """The Cin7 SKU tied to this portal SKU."""
        with self._parts.ledger.read() as conn:
            return memory.alias(conn, self._shop.name, sku)

    def claimed_notes(self, sale_id: str) -> frozenset[str]:
        """Numbers and task ids of this sale's foreign notes that returns already adopted."""
        with self._parts.ledger.read() as conn:
            return memory.adopted_notes(conn, self._shop.name, sale_id)

    def learned_rule(self) -> str:
        """What a line Total means for this company, as the last sale that showed it did; "" before one has."""
        with self._parts.ledger.read() as conn:
            kept = memory.reference_book(conn, self._shop.name, _TOTAL_RULE)
        return str(kept[0]) if kept else ""

    def _learn(self, sale: Sale) -> None:
        rule = shown(sale)
        if rule is None or rule == self.learned_rule():
            return
        with self._parts.ledger.write() as conn:
            memory.keep_reference_book(conn, self._shop.name, _TOTAL_RULE, str(rule), self._parts.clock())

    def refresh(self, book: str) -> None:
        """Forget how old a reference book is allowed to be and read it now."""
        self.reread(book)

    def reread(self, book: str) -> bool:
        """Read a reference book now; whether it says something else than what was remembered."""
        now = self._parts.clock()
        content = to_json(_READERS[book](self._shop))
        with self._parts.ledger.write() as conn:
            kept = memory.reference_book(conn, self._shop.name, book)
            memory.keep_reference_book(conn, self._shop.name, book, content, now)
        return kept is not None and kept[0] != content

    def _book(self, name: str, kind: type[T], read: Callable[[], Any]) -> T:
        now = self._parts.clock()
        with self._parts.ledger.read() as conn:
            kept = memory.reference_book(conn, self._shop.name, name)
        # The sweep keeps the books fresh; a book older than two refreshes is read here, so that a dead sweep cannot age
        # a decision.
        fresh_enough = timedelta(seconds=2 * self._parts.settings.intervals.reference_refresh)
        if kept is None or now - kept[1] > fresh_enough:
            content = to_json(read())
            with self._parts.ledger.write() as conn:
                memory.keep_reference_book(conn, self._shop.name, name, content, now)
        else:
            content = kept[0]
        return from_json(kind, content)


_READERS: dict[str, Callable[[ShopParts], Any]] = {
    "me": lambda shop: shop.cin7.me(lane=Lane.BULK),
    "locations": lambda shop: list(shop.cin7.locations(lane=Lane.BULK)),
    "tax_rules": lambda shop: list(shop.cin7.tax_rules(lane=Lane.BULK)),
    "accounts": lambda shop: list(shop.cin7.accounts(lane=Lane.BULK)),
}
REFERENCE_BOOKS = tuple(_READERS)


def _spellings(order_name: str, order_id: str) -> tuple[str, ...]:
    bare = order_name.strip().lstrip("#")
    names = {order_name.strip(), bare, f"#{bare}"} | ({order_id} if order_id else set())
    return tuple(sorted(name for name in names if name))


def _words(reference: str) -> set[str]:
    return {word.casefold() for word in reference.replace(",", " ").replace(";", " ").replace("/", " ").split()}

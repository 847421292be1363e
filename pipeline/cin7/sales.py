"""Sales, credit notes, payments and orders in Cin7 Core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pipeline.calls.failures import NotFound, Rejected
from pipeline.calls.quota import Priority
from pipeline.cin7.lists import Lists, PageQuery, insist_found, insist_same, insist_updated, utc_filter
from schemas.cin7 import sales
from schemas.cin7.sales import Order
from schemas.sales import CreditNote, Payment, Sale, SaleRow

SALE_LIST = "saleList"
CREDIT_NOTE_LIST = "saleCreditNoteList"


class SaleCalls:
    """What may be asked and sent about sales."""

    _line: Lists

    def sale(self, sale_id: str, *, priority: Priority = Priority.MONEY) -> Sale:
        """One sale whole. Raises the failures of a read; NotFound or BadAnswer where there is none."""
        with _deleted_is_not_found():
            return self._line.get(
                "sale", (("ID", sale_id),), priority, lambda data: _same_sale(sales.read_sale(data), sale_id)
            )

    def find_sales(self, text: str, *, priority: Priority = Priority.MONEY) -> tuple[SaleRow, ...]:
        """The sales whose numbers, customer or reference contain `text`; comparing exactly is the caller's."""
        rows: list[SaleRow] = []
        query = PageQuery(SALE_LIST, "SaleList", (("Search", text),))
        for page in self._line.pages(query, priority, _with_texts, lambda pair: pair[0].sale_id):
            insist_found(page, "Search", text, lambda pair: pair[1])
            rows.extend(row for row, _ in page)
        return tuple(rows)

    def find_external(self, external_id: str, *, priority: Priority = Priority.MONEY) -> list[SaleRow]:
        """The sales with exactly this External ID, which `find_sales` does not look at. Empty too where Cin7 ignores
        the filter: the rows it lists then are others'."""
        query = PageQuery(SALE_LIST, "SaleList", (("ExternalID", external_id),))
        page = next(self._line.pages(query, priority, sales.read_sale_rows, lambda row: row.sale_id), [])
        return [row for row in page if external_id.casefold() in row.external_id.casefold()]

    def sale_rows(
        self,
        updated_since: datetime | None = None,
        *,
        order_status: str = "",
        status: str = "",
        credit_note_status: str = "",
        priority: Priority = Priority.BULK,
        first_page: int = 1,
    ) -> Iterator[list[SaleRow]]:
        """Pages of up to 1,000 touched sales, each sale once. Raises IncompleteSweep at the end if rows lack."""
        filters = {"OrderStatus": order_status, "Status": status, "CreditNoteStatus": credit_note_status}
        for page in self._rows(SALE_LIST, updated_since, filters, priority, first_page):
            insist_same(page, "OrderStatus", order_status, lambda row: row.order_status)
            insist_same(page, "Status", status, lambda row: row.status)
            insist_same(page, "CreditNoteStatus", credit_note_status, lambda row: row.credit_note_status)
            yield page

    def credit_note_rows(
        self, updated_since: datetime | None = None, *, priority: Priority = Priority.BULK
    ) -> Iterator[list[SaleRow]]:
        """Pages of the credit-note list: one row for each SALE with notes (measured by integrators), an index only."""
        return self._rows(CREDIT_NOTE_LIST, updated_since, {}, priority)

    def _rows(
        self, path: str, since: datetime | None, filters: Mapping[str, str], priority: Priority, first_page: int = 1
    ) -> Iterator[list[SaleRow]]:
        params = tuple((name, value) for name, value in filters.items() if value)
        if since is not None:
            params = (("UpdatedSince", utc_filter(since)), *params)
        query = PageQuery(path, "SaleList", params)
        for page in self._line.pages(query, priority, sales.read_sale_rows, lambda row: row.sale_id, first_page):
            insist_updated(page, since, lambda row: row.updated)
            yield page

    def credit_notes(
        self, sale_id: str, currency: str, *, tax_inclusive: bool = False, priority: Priority = Priority.MONEY
    ) -> tuple[CreditNote, ...]:
        """The credit notes of one sale, the placeholder included; totals are added up from the lines. Raises NotFound
        where there is no such sale."""
        with _deleted_is_not_found():
            return self._line.get(
                "sale/creditnote",
                (("SaleID", sale_id),),
                priority,
                lambda data: sales.read_credit_notes(data, currency, tax_inclusive=tax_inclusive),
                "CreditNotes",
            )

    def post_credit_note(
        self,
        body: Mapping[str, Any],
        currency: str,
        *,
        tax_inclusive: bool = False,
        priority: Priority = Priority.MONEY,
    ) -> tuple[CreditNote, ...]:
        """Create, replace or authorise one note; answers all notes of the sale. Raises the failures of a write."""
        return self._line.write(
            "POST",
            "sale/creditnote",
            body,
            priority,
            lambda data: sales.read_credit_notes(data, currency, tax_inclusive=tax_inclusive),
            "CreditNotes",
        )

    def payments(self, sale_id: str, currency: str, *, priority: Priority = Priority.MONEY) -> tuple[Payment, ...]:
        """The payments and refunds of one sale (a bare list on the wire). Raises NotFound where there is no such
        sale."""
        with _deleted_is_not_found():
            return self._line.get(
                "sale/payment", (("SaleID", sale_id),), priority, lambda data: sales.read_payments(data, currency)
            )

    def post_payment(self, body: Mapping[str, Any], currency: str, *, priority: Priority = Priority.MONEY) -> Payment:
        """Record one payment or refund. Raises the failures of a write."""
        return self._line.write(
            "POST", "sale/payment", body, priority, lambda data: sales.read_payment(_one(data), currency)
        )

    def order(
        self, sale_id: str, currency: str, *, tax_inclusive: bool = False, priority: Priority = Priority.MONEY
    ) -> Order:
        """The order document of one sale. Raises NotFound where there is no such sale."""
        with _deleted_is_not_found():
            return self._line.get(
                "sale/order",
                (("SaleID", sale_id),),
                priority,
                lambda data: sales.read_order(data, currency, tax_inclusive=tax_inclusive),
                "Lines",
            )

    def post_order(
        self,
        body: Mapping[str, Any],
        currency: str,
        *,
        tax_inclusive: bool = False,
        priority: Priority = Priority.MONEY,
    ) -> Order:
        """Replace or authorise the order document; short stock is back-ordered silently (Cin7 blueprint)."""
        return self._line.write(
            "POST",
            "sale/order",
            body,
            priority,
            lambda data: sales.read_order(data, currency, tax_inclusive=tax_inclusive),
            "Lines",
        )


@contextmanager
def _deleted_is_not_found() -> Iterator[None]:
    """A deleted sale is answered with a plain refusal as well as with a 404 (measured by integrators)."""
    try:
        yield
    except Rejected as refusal:
        if "not found" not in str(refusal).lower():
            raise
        raise NotFound(refusal.why, refusal.body_excerpt) from refusal


def _same_sale(sale: Sale, sale_id: str) -> Sale:
    if sale.sale_id != sale_id.lower():
        raise sales.SchemaInvalidError({"ID": f"is {sale.sale_id}, asked for {sale_id.lower()}"})
    return sale


def _with_texts(data: Mapping[str, Any]) -> list[tuple[SaleRow, list[str]]]:
    """Each row with all its texts: the search also looks at what we do not keep, such as the customer's name."""
    texts = [[value for value in raw.values() if isinstance(value, str)] for raw in data["SaleList"]]
    return list(zip(sales.read_sale_rows(data, whole=True), texts, strict=True))


def _one(data: Any) -> Any:
    return data[0] if isinstance(data, list) and len(data) == 1 else data

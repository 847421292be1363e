"""Availability, write-offs, transfers and adjustments in Cin7 Core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.calls.failures import Rejected
from pipeline.calls.quota import Priority
from pipeline.cin7.lists import Lists, PageQuery, insist_found
from schemas.cin7 import stock
from schemas.cin7.stock import ADJUSTMENTS, TRANSFERS, WRITE_OFFS, StockDocument
from schemas.sales import AvailabilityRow

AVAILABILITY = PageQuery("ref/productavailability", "ProductAvailabilityList")
#: The refusal that means the stock is already as asked (measured by integrators).
NOTHING_TO_ADJUST = "no need to create stock adjustment"


class StockCalls:
    """What may be asked and sent about stock."""

    _line: Lists

    def availability(self, *, priority: Priority = Priority.BULK) -> tuple[AvailabilityRow, ...]:
        """A whole sweep of every SKU, location, bin and batch. Raises IncompleteSweep unless every row arrived."""
        pages = self._line.pages(AVAILABILITY, priority, stock.read_availability, _identity)
        return tuple(row for page in pages for row in page)

    def availability_of(self, sku: str, *, priority: Priority = Priority.MONEY) -> tuple[AvailabilityRow, ...]:
        """The rows of exactly this SKU; the provider's filter is not exact, so ours is applied on top."""
        query = PageQuery(AVAILABILITY.path, AVAILABILITY.key, (("Sku", sku),))
        rows: list[AvailabilityRow] = []
        for page in self._line.pages(query, priority, stock.read_availability, _identity):
            insist_found(page, "Sku", sku, lambda row: (row.sku,))
            rows.extend(row for row in page if row.sku == sku)
        return tuple(rows)

    def post_write_off(self, body: Mapping[str, Any], *, priority: Priority = Priority.MONEY) -> StockDocument:
        """Write stock off. MadeWithErrors when the task exists but Cin7 lists errors; else the failures of a write."""
        return self._post("inventoryWriteOff", body, priority)

    def write_off(self, task_id: str, *, priority: Priority = Priority.MONEY) -> StockDocument:
        """One write-off whole."""
        return self._document("inventoryWriteOff", task_id, priority)

    def find_write_offs(self, text: str, *, priority: Priority = Priority.MONEY) -> tuple[StockDocument, ...]:
        """The write-offs whose Notes contain `text` (the search itself covers number, location and status too)."""
        return self._search(PageQuery("inventoryWriteOffList", WRITE_OFFS, (("Search", text),)), text, priority)

    def post_transfer(self, body: Mapping[str, Any], *, priority: Priority = Priority.MONEY) -> StockDocument:
        """Move stock. Raises the failures of a write."""
        return self._post("stockTransfer", body, priority)

    def transfer(self, task_id: str, *, priority: Priority = Priority.MONEY) -> StockDocument:
        """One transfer whole."""
        return self._document("stockTransfer", task_id, priority)

    def find_transfers(self, text: str, *, priority: Priority = Priority.MONEY) -> tuple[StockDocument, ...]:
        """The transfers whose Reference contains `text`."""
        return self._search(PageQuery("stockTransferList", TRANSFERS, (("Search", text),)), text, priority)

    def post_adjustment(self, body: Mapping[str, Any], *, priority: Priority = Priority.MONEY) -> StockDocument | None:
        """Set stock to an absolute figure; None when Cin7 says it is already so. Raises the failures of a write."""
        try:
            return self._post("stockadjustment", body, priority)
        except Rejected as refusal:
            if any(NOTHING_TO_ADJUST in problem.lower() for problem in refusal.problems):
                return None
            raise

    def adjustment(self, task_id: str, *, priority: Priority = Priority.MONEY) -> StockDocument:
        """One adjustment whole."""
        return self._document("stockadjustment", task_id, priority)

    def find_adjustments(self, reference: str, *, priority: Priority = Priority.MONEY) -> tuple[StockDocument, ...]:
        """The adjustments whose Reference contains `reference`: the whole list is read, it knows no search."""
        pages = self._line.pages(
            PageQuery("stockadjustmentList", ADJUSTMENTS), priority, _reader(ADJUSTMENTS), lambda row: row.task_id
        )
        return tuple(row for page in pages for row in page if reference in row.reference)

    def _post(self, path: str, body: Mapping[str, Any], priority: Priority) -> StockDocument:
        return self._line.write("POST", path, body, priority, stock.read_stock_document, "TaskID")

    def _document(self, path: str, task_id: str, priority: Priority) -> StockDocument:
        return self._line.get(path, (("TaskID", task_id),), priority, stock.read_stock_document, "TaskID")

    def _search(self, query: PageQuery, text: str, priority: Priority) -> tuple[StockDocument, ...]:
        pages = self._line.pages(query, priority, _reader(query.key), lambda row: row.task_id)
        return tuple(row for page in pages for row in page if text.lower() in row.reference.lower())


def _reader(key: str) -> Callable[[Any], tuple[StockDocument, ...]]:
    return lambda data: stock.read_stock_documents(data, key)


def _identity(row: AvailabilityRow) -> tuple[object, ...]:
    return (row.product_id, row.location, row.bin, row.batch, row.expiry)

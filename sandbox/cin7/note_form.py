"""Reading and checking the body of POST /sale/creditnote."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.books import selling
from sandbox.books.catalogue import Place, Product
from sandbox.books.crediting import pick_place, shipped_batches
from sandbox.books.numbers import ZERO, ten
from sandbox.books.sales import LIVE_NOTES, Line, RestockLine, Sale
from sandbox.cin7.ask import Ask, date_of, decimal_of
from sandbox.cin7.errors import Problem
from sandbox.cin7.sales import line_from

REQUIRED = ("SaleID", "TaskID", "CombineAdditionalCharges", "CreditNoteInvoiceNumber", "Status", "CreditNoteDate")
LINE_REQUIRED = ("Name", "Quantity", "Price", "Tax", "Total", "TaxRule")
CHARGE_REQUIRED = ("Description", "Quantity", "Price", "Tax", "TaxRule")


class NoteForm:
    """The parts of a credit note body, with every problem found on the way."""

    def __init__(self, ask: Ask, sale: Sale) -> None:
        self.ask = ask
        self.sale = sale
        self.problems: list[Problem | str] = []
        body = ask.body
        self.lines = [line for row in body.get("Lines") or [] if (line := self._line(row))]
        self.charges = [line for row in body.get("AdditionalCharges") or [] if (line := self._charge(row))]
        # A service sale's Restock is read-only: what is sent is dropped without a word.
        rows = [] if sale.kind == "Service Sale" else body.get("Restock") or []
        self.restock = [back for row in rows if (back := self._restock(row))]

    def _missing(self, row: dict[str, Any], names: tuple[str, ...]) -> bool:
        missing = [name for name in names if row.get(name) is None or row.get(name) == ""]
        self.problems += [f"Required attribute {name} is not provided." for name in missing]
        return bool(missing)

    def _line(self, row: dict[str, Any]) -> Line | None:
        if self._missing(row, LINE_REQUIRED):
            return None
        product = self._product(row)
        if product is None:
            return None
        line = line_from(product, row)
        self._check_money(line)
        self._check_total(line, decimal_of(row["Total"]))
        return line

    def _charge(self, row: dict[str, Any]) -> Line | None:
        if self._missing(row, CHARGE_REQUIRED):
            return None
        service = self.ask.books.catalogue.service(row["Description"])
        if service is None:
            self.problems.append(f"Additional charge '{row['Description']}' was not found in reference book")
            return None
        line = line_from(service, {**row, "Name": service.name})
        self._check_money(line)
        if line.price < 0 and self.ask.rule("negative_charge") == "refuse":
            self.problems.append("Price is invalid. Value should be greater than or equal to 0")
        self._check_total(line, decimal_of(row.get("Total")) if row.get("Total") is not None else None, optional=True)
        return line

    def _product(self, row: dict[str, Any]) -> Product | None:
        product = self.ask.books.catalogue.product(row.get("ProductID"), row.get("SKU"))
        if product is None:
            self.problems.append(f"Product '{row.get('SKU') or row.get('ProductID')}' was not found in reference book")
        return product

    def _check_money(self, line: Line) -> None:
        catalogue = self.ask.books.catalogue
        rule = catalogue.tax_rule(line.tax_rule)
        if rule is None or not rule.active:
            self.problems.append(Problem(f"Tax rule '{line.tax_rule}' was not found in reference book", 404))
        account = catalogue.account(line.account)
        if account is None or not account.active:
            self.problems.append(f"Account '{line.account}' was not found in Chart of accounts reference book")
        smallest = Decimal(1) if self.ask.rule("fractional_quantity") == "refuse" else Decimal("0.0001")
        if line.quantity < smallest:
            self.problems.append(f"Quantity is invalid. Value should be greater than or equal to {smallest:f}")

    def _check_total(self, line: Line, sent: Decimal | None, *, optional: bool = False) -> None:
        """Compare Total exactly with the tenant's rule; its text is the one integrators measured."""
        line.total = selling.expected_total(self.ask.books, line, inclusive=self.sale.tax_inclusive)
        if (sent is None and optional) or sent == line.total:
            return
        self.problems.append(
            f"Value of attribute 'Total' doesn't match calculated value for '{line.name}'. "
            f"Expected value is: {ten(line.total)}"
        )

    def _restock(self, row: dict[str, Any]) -> RestockLine | None:
        if self._missing(row, ("SKU", "Quantity")):
            return None
        product = self._product(row)
        quantity = decimal_of(row["Quantity"]) or ZERO
        if product is None or quantity <= 0:
            self.problems.append("Quantity is invalid") if product else None
            return None
        origin, target = self._places(row, product)
        if origin is None or target is None:
            return None
        line = RestockLine(
            product.id, product.sku, quantity, origin.id, target.id, row.get("BatchSN") or None,
            date_of(row.get("ExpiryDate")), date_of(row.get("RestockDate")),
        )  # fmt: skip
        self._check_batch(product, line)
        return line

    def _places(self, row: dict[str, Any], product: Product) -> tuple[Place | None, Place | None]:
        """Return where the goods came from and where they go: by default back to where they were picked."""
        origin = self._place(row.get("LocationID"), row.get("Location"))
        if origin is None and not (row.get("LocationID") or row.get("Location")):
            origin = pick_place(self.ask.books, self.sale, product)
            if origin is None:
                self.problems.append("Required attribute Location is not provided.")
        if row.get("RestockLocationID") or row.get("RestockLocation"):
            return origin, self._place(row.get("RestockLocationID"), row.get("RestockLocation"))
        return origin, origin

    def _place(self, place_id: str | None, name: str | None) -> Place | None:
        if not place_id and not name:
            return None
        place = self.ask.books.catalogue.place(place_id, name)
        closed = place is not None and (place.location.deprecated or (place.bin is not None and place.bin.deprecated))
        if place is None or closed:
            self.problems.append(f"Location '{name or place_id}' was not found in Locations reference book")
            return None
        return place

    def _check_batch(self, product: Product, line: RestockLine) -> None:
        if not product.needs_batch:
            line.batch = line.expiry = None
            return
        if line.batch is None:
            self.problems.append(f"Required attribute BatchSN is not provided. Product: {product.sku}")
            return
        if line.batch not in shipped_batches(self.sale, product.sku):
            self.problems.append(f"Batch/Serial '{line.batch}' for product {product.sku} was not picked on this sale")
            return
        shipped = {one.piece.slot.batch: one.piece.slot.expiry for one in self.sale.picked() if one.sku == product.sku}
        if line.expiry is not None and line.expiry != shipped[line.batch]:
            self.problems.append(f"Expiry date for product {product.sku} doesn't match batch '{line.batch}'")
        line.expiry = shipped[line.batch]

    def check_quantities(self, invoice_number: str, own_task: str) -> None:
        """Refuse over-crediting and over-restocking; only when the tenant is set to (Cin7 documents no such check)."""
        if self.ask.rule("over_credit") != "refuse":
            return
        invoice = self.sale.invoice_of(invoice_number)
        sold = list(invoice.lines if invoice else [])
        others = [one for one in self.sale.notes if one.status in LIVE_NOTES and one.task_id != own_task]
        credited = [line for one in others if one.invoice_number == invoice_number for line in one.lines]
        self._compare(sold, [*credited, *self.lines], "credit")
        back = [line for one in others for line in one.restock]
        self._compare([line for one in self.sale.invoices for line in one.lines], [*back, *self.restock], "restock")

    def _compare(self, sold: list[Line], wanted: list[Any], verb: str) -> None:
        for sku in {line.sku for line in wanted}:
            limit = sum((line.quantity for line in sold if line.sku == sku), ZERO)
            asked = sum((line.quantity for line in wanted if line.sku == sku), ZERO)
            if asked > limit:
                text = f"Available quantity for product (SKU: {sku}) is {ten(limit)}, cannot {verb} {asked:f}"
                self.problems.append(text)

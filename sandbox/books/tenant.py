"""Setting up a tenant: reference books and opening stock, with a sensible default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.books.catalogue import Account, Bin, Customer, Location, Product, TaxRule
from sandbox.books.ledger import ACCOUNTS, Books, Refused
from sandbox.books.numbers import ZERO
from sandbox.books.stock import Slot

OPENING_DAY = date(2026, 1, 1)


def default_tenant() -> dict[str, Any]:
    """Return the default tenant: an apparel shop in London with about 25 products."""
    return {
        "company": {"Company": "Practice Apparel Ltd", "Currency": "GBP", "TimeZone": "Europe/London"},
        "accounts": _ACCOUNTS,
        "tax_rules": _TAX_RULES,
        "locations": _LOCATIONS,
        "products": [*_shirts(), *_SPECIAL_PRODUCTS],
        "customers": [{"name": "Shopify Customer"}, {"name": "Euro Customer", "currency": "EUR"}],
    }


_ACCOUNTS: list[dict[str, Any]] = [
    {"code": "120", "name": "Bank", "kind": "ASSET", "for_payments": True},
    {"code": "200", "name": "Sales", "kind": "REVENUE", "system": "SALES"},
    {"code": "210", "name": "Shipping income", "kind": "REVENUE"},
    {"code": "260", "name": "Return fee income", "kind": "REVENUE"},
    {"code": "300", "name": "Opening balances", "kind": "EQUITY"},
    {"code": "310", "name": "Cost of Goods Sold", "kind": "EXPENSE", "system": "COGS"},
    {"code": "403", "name": "Inventory write-off", "kind": "EXPENSE"},
    {"code": "404", "name": "Goodwill", "kind": "EXPENSE"},
    {"code": "610", "name": "Accounts Receivable", "kind": "ASSET", "system": "DEBTORS"},
    {"code": "630", "name": "Inventory", "kind": "ASSET", "system": "INVENTORY"},
    {"code": "631", "name": "Inventory in transit", "kind": "ASSET"},
    {"code": "712", "name": "Payment clearing", "kind": "ASSET", "for_payments": True},
    {"code": "713", "name": "Exchange clearing", "kind": "ASSET", "for_payments": True},
    {"code": "820", "name": "VAT", "kind": "LIABILITY", "system": "TAX"},
    {"code": "840", "name": "Realised exchange difference", "kind": "EXPENSE"},
    {"code": "850", "name": "Store credit", "kind": "LIABILITY", "for_payments": True},
    {"code": "860", "name": "Rounding", "kind": "EXPENSE", "system": "ROUNDING"},
    {"code": "299", "name": "Old sales", "kind": "REVENUE", "active": False},
]
_TAX_RULES: list[dict[str, Any]] = [
    {"name": "20% (VAT on Income)", "percent": "20"},
    {"name": "5% (VAT on Income)", "percent": "5"},
    {"name": "Zero Rated Income", "percent": "0"},
    {"name": "No VAT", "percent": "0"},
    {"name": "20% (VAT on Expenses)", "percent": "20", "for_sale": False, "for_purchase": True},
    {"name": "17.5% (VAT on Income)", "percent": "17.5", "active": False},
]
_LOCATIONS: list[dict[str, Any]] = [
    {"name": "Main Warehouse", "default": True, "bins": ["A-01", "A-02", "B-01"]},
    {"name": "Returns Cage"},
    {"name": "Quarantine", "bins": ["Q-01"]},
    {"name": "Leeds", "bins": ["L-01"]},
    {"name": "Old Shop", "deprecated": True},
]
_SPECIAL_PRODUCTS: list[dict[str, Any]] = [
    {"sku": "GIFT-SET", "name": "Gift set: tee, cap and socks", "price": "60",
     "kit": {"TEE-BLK-M": "1", "CAP-NVY": "1", "SOCK-3PK": "2"}},
    {"sku": "SERUM-30", "name": "Skin serum 30 ml", "price": "45", "cost": "12.5", "costing": "FEFO - Batch",
     "category": "Care", "stock": [
         {"quantity": "20", "batch": "LOT-A1", "expiry": "2027-03-31"},
         {"quantity": "15", "batch": "LOT-B2", "expiry": "2027-09-30", "cost": "13.1"}]},
    {"sku": "WATCH-S1", "name": "Field watch", "price": "240", "cost": "96", "costing": "FIFO - Serial Number",
     "stock": [
         {"quantity": "1", "batch": f"SN-{number}"} for number in (1001, 1002, 1003)]},
    {"sku": "POSTER-DS", "name": "Poster, sent by the printer", "price": "25", "cost": "9",
     "drop_ship": "Always Drop Ship"},
    {"sku": "CARD-THX", "name": "Thank-you card", "price": "2", "type": "Non Inventory"},
    {"sku": "SHIP-STD", "name": "Shipping - Standard", "type": "Service", "price": "4.95", "revenue_account": "210"},
    {"sku": "SHIP-EXP", "name": "Shipping - Express", "type": "Service", "price": "9.95", "revenue_account": "210"},
    {"sku": "FEE-RESTOCK", "name": "Restocking fee", "type": "Service", "revenue_account": "260"},
    {"sku": "FEE-RETURN", "name": "Return label fee", "type": "Service", "revenue_account": "260"},
    {"sku": "GOODWILL", "name": "Goodwill", "type": "Service", "revenue_account": "404"},
    {"sku": "WINTER-SET", "name": "Winter set: scarf and two caps", "price": "70", "picks_parts": True,
     "kit": {"SCARF-WOL": "1", "CAP-NVY": "2"}},
]  # fmt: skip


def _shirts() -> list[dict[str, Any]]:
    rows = []
    for prefix, name, price, cost in (
        ("TEE-BLK", "Tee black", "30", "9.4"),
        ("HOODIE-GRY", "Hoodie grey", "55", "21.35"),
    ):
        for size in ("S", "M", "L", "XL"):
            stock = [{"quantity": "40", "cost": cost}, {"quantity": "2", "cost": cost, "bin": "A-01"}]
            rows.append(_row(f"{prefix}-{size}", f"{name} {size}", price, cost, stock, prefix))
    rows += [
        _row(f"DRESS-{colour}", f"Dress {colour.lower()}", "79.99", "31.2", [{"quantity": "25"}])
        for colour in ("RED", "BLU")
    ]
    layers = [
        {"quantity": "10", "cost": "6.1", "day": "2026-01-05"},
        {"quantity": "30", "cost": "7.45", "day": "2026-02-10"},
    ]
    rows += [
        _row("CAP-NVY", "Cap navy", "18.5", "6.1", layers),
        _row("SOCK-3PK", "Socks, three pairs", "12.99", "3.33", [{"quantity": "100"}]),
        _row("SCARF-WOL", "Wool scarf", "35", "14", [{"quantity": "5"}, {"quantity": "8", "location": "Leeds"}]),
        _row("JEANS-32", "Jeans 32", "89", "38.75", [{"quantity": "12"}]),
        _row("BOOT-42", "Boot 42", "140", "66.6667", [{"quantity": "6"}]),
    ]
    return rows


def _row(
    sku: str, name: str, price: str, cost: str, stock: list[dict[str, Any]], family: str | None = None
) -> dict[str, Any]:
    return {"sku": sku, "name": name, "price": price, "cost": cost, "stock": stock, "family": family}


def set_up(books: Books, spec: Mapping[str, Any]) -> None:
    """Add reference books and opening stock to the books.

    Raises Refused when opening stock names an unknown location or a product field is wrong.
    """
    tenant, company = books.tenant, spec.get("company", {})
    tenant.company = company.get("Company", tenant.company)
    tenant.currency = company.get("Currency", tenant.currency)
    tenant.time_zone = company.get("TimeZone", tenant.time_zone)
    tenant.auto_discounts = bool(company.get("AutomaticallyApplyDiscounts", tenant.auto_discounts))
    if company.get("LockDate"):
        tenant.lock_date = date.fromisoformat(company["LockDate"][:10])
    for row in spec.get("accounts", []):
        books.catalogue.accounts[row["code"]] = Account(**row)
    for row in spec.get("tax_rules", []):
        rule = TaxRule(**{"id": books.guid(), **row, "percent": Decimal(row["percent"])})
        books.catalogue.tax_rules[rule.id] = rule
    for row in spec.get("locations", []):
        shelves = [Bin(books.guid().upper(), name) for name in row.get("bins", [])]
        location = Location(**{"id": books.guid(), **row, "bins": shelves})
        books.catalogue.locations[location.id] = location
    for row in spec.get("customers", []):
        customer = Customer(**{"id": books.guid(), **row})
        books.catalogue.customers[customer.id] = customer
    for row in spec.get("products", []):
        add_product(books, row)


def add_product(books: Books, row: Mapping[str, Any]) -> Product:
    """Add a product with its opening stock, valued at its cost unless a stock row says otherwise."""
    fields = {name: value for name, value in row.items() if name != "stock"}
    fields["kit"] = {sku: Decimal(each) for sku, each in row.get("kit", {}).items()}
    for name in ("price", "cost"):
        fields[name] = Decimal(str(row.get(name, "0")))
    count = len(books.catalogue.products) + 1
    product = Product(**{"id": books.guid(), "barcode": f"50000000{count:05d}", **fields})
    books.catalogue.products[product.id] = product
    for lot in row.get("stock", []):
        open_stock(books, product, lot)
    return product


def open_stock(books: Books, product: Product, lot: Mapping[str, Any]) -> None:
    """Put opening stock on the shelf against the opening-balance account."""
    name = lot.get("location") or books.catalogue.default_location().name
    place = books.catalogue.place(name=name)
    if place is None:
        raise Refused(f"Location '{name}' was not found in Locations reference book")
    shelf = next((one.id for one in place.location.bins if one.name == lot.get("bin")), None)
    expiry = date.fromisoformat(lot["expiry"]) if lot.get("expiry") else None
    day = date.fromisoformat(lot["day"]) if lot.get("day") else OPENING_DAY
    cost = Decimal(str(lot.get("cost", product.cost)))
    slot = Slot(product.sku, place.location.id, shelf, lot.get("batch"), expiry)
    value = books.stock.receive(slot, Decimal(str(lot["quantity"])), cost, day).value
    legs = {ACCOUNTS["inventory"]: value, ACCOUNTS["equity"]: ZERO - value}
    books.post(books.guid(), day, "Opening", "Opening stock", legs)
    books.stock_changed[product.sku] = None

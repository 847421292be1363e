"""Cin7 Core's reference books as values: company, locations, tax rules, accounts, products, webhooks.

Source: Cin7 blueprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from schemas.json.fields import Currency, Day, Guid, Moment, Number, Rows, Shape, Text, Truth, Word, load
from schemas.misfits import load_list
from schemas.sales import ACCOUNT_STATUSES, PRODUCT_KINDS, Account, Location, TaxRule, Tenant


class _TenantShape(Shape):
    company = Text("Company")
    currency = Currency("Currency", required=True)
    time_zone = Text("TimeZone")
    lock_date = Day("LockDate")
    tax_calculation = Text("TaxCalculationMethod")
    automatic_discounts = Truth("AutomaticallyApplyDiscounts")


class _BinShape(Shape):
    location_id = Guid("ID", required=True)
    name = Text("Name")
    deprecated = Truth("IsDeprecated")
    staging = Truth("IsStaging")


class _LocationShape(_BinShape):
    fixed_assets = Truth("FixedAssetsLocation")
    parent_id = Guid("ParentID")
    bins = Rows("Bins", _BinShape())


class _LocationListShape(Shape):
    rows = Rows("LocationList", _LocationShape(), required=True)


class _TaxRuleShape(Shape):
    name = Text("Name", required=True)
    percent = Number("TaxPercent")
    active = Truth("IsActive", default=True)
    for_sale = Truth("IsTaxForSale")
    tax_inclusive = Truth("TaxInclusive")


class _TaxRuleListShape(Shape):
    rows = Rows("TaxRuleList", _TaxRuleShape(), required=True)


class _AccountShape(Shape):
    code = Text("Code")
    name = Text("Name")
    kind = Text("Type")
    status = Word("Status", ACCOUNT_STATUSES, "ACTIVE")
    for_payments = Truth("ForPayments")


class _AccountListShape(Shape):
    rows = Rows("AccountsList", _AccountShape(), required=True)


class _MovementShape(Shape):
    task_id = Guid("TaskID")
    kind = Text("Type")
    at = Moment("Date")
    number = Text("Number")
    status = Text("Status")
    quantity = Number("Quantity")
    amount = Number("Amount")
    location = Text("Location")
    batch = Text("BatchSN")


class _ProductShape(Shape):
    product_id = Guid("ID", required=True)
    sku = Text("SKU")
    name = Text("Name")
    kind = Word("Type", PRODUCT_KINDS)
    status = Text("Status")
    costing_method = Text("CostingMethod")
    drop_ship_mode = Text("DropShipMode")
    average_cost = Number("AverageCost")
    bill_of_material = Truth("BillOfMaterial")
    barcode = Text("Barcode")
    movements = Rows("Movements", _MovementShape())


class _ProductListShape(Shape):
    rows = Rows("Products", _ProductShape(), required=True)


class _WebhookShape(Shape):
    webhook_id = Guid("ID")
    kind = Text("Type")
    url = Text("ExternalURL")
    active = Truth("IsActive")
    authorization = Text("ExternalAuthorizationType")


class _WebhookListShape(Shape):
    rows = Rows("Webhooks", _WebhookShape(), required=True)


_TENANT, _LOCATIONS, _TAX_RULES = _TenantShape(), _LocationListShape(), _TaxRuleListShape()
_ACCOUNTS, _PRODUCTS, _WEBHOOKS = _AccountListShape(), _ProductListShape(), _WebhookListShape()


@dataclass(frozen=True, slots=True)
class StockMovement:
    """One movement of a product: `quantity` is a delta, `amount` its cost in base currency."""

    task_id: str
    kind: str
    at: datetime | None
    number: str
    status: str
    quantity: Decimal
    amount: Decimal
    location: str
    batch: str


@dataclass(frozen=True, slots=True)
class Product:
    """A product; `average_cost` is informational and drifts (measured by integrators)."""

    product_id: str
    sku: str
    name: str
    kind: str
    status: str
    costing_method: str
    drop_ship_mode: str
    average_cost: Decimal
    bill_of_material: bool
    barcode: str
    movements: tuple[StockMovement, ...] = ()


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook registration. Cin7 answers with the bearer token empty, and a PUT replaces: send the token again."""

    webhook_id: str
    kind: str
    url: str
    active: bool
    authorization: str


def read_tenant(data: Mapping[str, Any]) -> Tenant:
    """What `/me` says. Raises SchemaInvalidError."""
    return Tenant(**load(_TENANT, data, "the company"))


def read_locations(data: Mapping[str, Any]) -> tuple[Location, ...]:
    """The locations and, as rows of their own, their bins (a bin is addressed by GUID). Raises SchemaInvalidError."""
    found: dict[str, Location] = {}
    children: dict[str, Location] = {}
    for row in load_list(_LOCATIONS, data, "the locations", "LocationList")["rows"]:
        bins = row.pop("bins")
        place = Location(**row)
        # A child row's name is not the bin's name (measured by integrators); the parent's Bins list has it.
        (children if place.parent_id else found)[place.location_id] = place
        found |= {b["location_id"]: Location(**b, parent_id=place.location_id) for b in bins}
    return tuple((children | found).values())


def read_tax_rules(data: Mapping[str, Any]) -> tuple[TaxRule, ...]:
    """The tax rules; documents refer to them by name. Raises SchemaInvalidError."""
    return tuple(TaxRule(**row) for row in load_list(_TAX_RULES, data, "the tax rules", "TaxRuleList")["rows"])


def read_accounts(data: Mapping[str, Any]) -> tuple[Account, ...]:
    """The chart of accounts. Raises SchemaInvalidError."""
    rows = load_list(_ACCOUNTS, data, "the accounts", "AccountsList")["rows"]
    return tuple(Account(r["code"], r["name"], r["kind"], r["status"] == "ACTIVE", r["for_payments"]) for r in rows)


def read_products(data: Mapping[str, Any]) -> tuple[Product, ...]:
    """The products, with movements where they were asked for. Raises SchemaInvalidError."""
    rows = load(_PRODUCTS, data, "the products")["rows"]
    return tuple(Product(**(row | {"movements": tuple(StockMovement(**m) for m in row["movements"])})) for row in rows)


def read_webhooks(data: Mapping[str, Any]) -> tuple[Webhook, ...]:
    """The webhook registrations; passwords and tokens are not read. Raises SchemaInvalidError."""
    return tuple(Webhook(**row) for row in load(_WEBHOOKS, data, "the webhooks")["rows"])

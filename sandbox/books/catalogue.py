"""Reference books: products, locations with bins, tax rules, accounts and customers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

BATCH_METHODS = ("FIFO - Batch", "FEFO - Batch", "FIFO - Serial Number", "Special - Batch", "Special - Serial Number")


@dataclass
class Product:
    """A sellable thing; `kit` maps component SKU to quantity and makes it an auto-assembled product, or with
    `picks_parts` a bundle whose components are picked under their own SKUs."""

    id: str
    sku: str
    name: str
    type: str = "Stock"
    costing: str = "FIFO"
    barcode: str = ""
    category: str = "Apparel"
    price: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    kit: dict[str, Decimal] = field(default_factory=dict)
    picks_parts: bool = False
    drop_ship: str = "No Drop Ship"
    status: str = "Active"
    family: str | None = None
    revenue_account: str = "200"
    cogs_account: str = "310"
    inventory_account: str = "630"

    @property
    def keeps_stock(self) -> bool:
        """Only Type Stock has a quantity."""
        return self.type == "Stock"

    @property
    def needs_batch(self) -> bool:
        """Batch and serial products carry their batch on every stock line."""
        return self.costing in BATCH_METHODS


@dataclass
class Bin:
    """A shelf inside a location; addressed by its GUID only, which is upper case."""

    id: str
    name: str
    deprecated: bool = False


@dataclass
class Location:
    """A place with stock of its own."""

    id: str
    name: str
    default: bool = False
    deprecated: bool = False
    bins: list[Bin] = field(default_factory=list)


@dataclass
class TaxRule:
    """A tax rule; documents name it by `name`. `percent` is 0-100."""

    id: str
    name: str
    percent: Decimal
    account: str = "820"
    active: bool = True
    for_sale: bool = True
    for_purchase: bool = False


@dataclass
class Account:
    """A line of the chart of accounts; `kind` is ASSET, LIABILITY, EQUITY, EXPENSE or REVENUE."""

    code: str
    name: str
    kind: str
    for_payments: bool = False
    system: str | None = None
    active: bool = True


@dataclass
class Customer:
    """A buyer; channel imports share one record for all shoppers."""

    id: str
    name: str
    currency: str = "GBP"
    email: str = ""


@dataclass(frozen=True)
class Place:
    """A spot where stock lies: a location, or one bin of it."""

    location: Location
    bin: Bin | None = None

    @property
    def id(self) -> str:
        """The GUID that addresses it: the bin's when there is one."""
        return self.bin.id if self.bin else self.location.id

    @property
    def label(self) -> str:
        """The name people read."""
        return f"{self.location.name}: {self.bin.name}" if self.bin else self.location.name

    def __hash__(self) -> int:
        return hash(self.id)


class Catalogue:
    """All reference books, found by GUID, name or SKU without regard to case."""

    def __init__(self) -> None:
        self.products: dict[str, Product] = {}
        self.locations: dict[str, Location] = {}
        self.tax_rules: dict[str, TaxRule] = {}
        self.accounts: dict[str, Account] = {}
        self.customers: dict[str, Customer] = {}

    def product(self, product_id: str | None = None, sku: str | None = None) -> Product | None:
        """Find a product by GUID first, else by SKU; a GUID and a SKU that disagree find nothing."""
        wanted_id, wanted_sku = _fold(product_id), _fold(sku)
        for product in self.products.values():
            if wanted_id and _fold(product.id) == wanted_id:
                return product if not wanted_sku or _fold(product.sku) == wanted_sku else None
        if wanted_id:
            return None
        return next((item for item in self.products.values() if wanted_sku and _fold(item.sku) == wanted_sku), None)

    def place(self, place_id: str | None = None, name: str | None = None) -> Place | None:
        """Find a location by GUID or name, or a bin by GUID; a bin's name finds nothing (measured by integrators)."""
        wanted = _fold(place_id)
        for location in self.locations.values():
            if (wanted and _fold(location.id) == wanted) or (
                not wanted and name and _fold(location.name) == _fold(name)
            ):
                return Place(location)
            shelf = next((shelf for shelf in location.bins if wanted and _fold(shelf.id) == wanted), None)
            if shelf:
                return Place(location, shelf)
        return None

    def tax_rule(self, name: str | None) -> TaxRule | None:
        """Find a tax rule by its exact name, inactive ones too."""
        return next((rule for rule in self.tax_rules.values() if rule.name == name), None)

    def account(self, code: str | None) -> Account | None:
        """Find an account by code."""
        return self.accounts.get(str(code)) if code is not None else None

    def service(self, description: str | None) -> Product | None:
        """Find the Service product that a charge's Description names."""
        services = (item for item in self.products.values() if item.type == "Service")
        return next((item for item in services if _fold(item.name) == _fold(description)), None)

    def customer(self, customer_id: str | None = None, name: str | None = None) -> Customer | None:
        """Find a customer by GUID or by name."""
        return next(
            (
                one
                for one in self.customers.values()
                if _fold(one.id) == _fold(customer_id) or (name and _fold(one.name) == _fold(name))
            ),
            None,
        )

    def default_location(self) -> Location:
        """Return the tenant's default location.

        Raises LookupError when the tenant has no location yet.
        """
        everything: Iterable[Location] = self.locations.values()
        found = next((one for one in everything if one.default), None) or next(iter(self.locations.values()), None)
        if found is None:
            raise LookupError("the tenant has no locations; POST /control/tenant first")
        return found


def _fold(text: str | None) -> str:
    return (text or "").strip().casefold()

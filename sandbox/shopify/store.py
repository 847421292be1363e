"""A practice shop's inventory: products, variants, locations and the quantities at each."""

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.shopify.allowance import Allowance

if TYPE_CHECKING:
    from sandbox.world import World

_GID = "gid://shopify"


@dataclass
class Location:
    """A place that holds stock."""

    gid: str
    name: str
    active: bool = True


@dataclass
class Level:
    """The stock of one item at one location, in units; on hand is available plus committed."""

    item_gid: str
    location_gid: str
    available: int
    committed: int = 0
    updated_at: str = ""

    @property
    def on_hand(self) -> int:
        """What is physically there."""
        return self.available + self.committed


@dataclass
class Variant:
    """A sellable variant with its inventory item."""

    gid: str
    sku: str
    title: str
    item_gid: str
    product: "Product"
    tracked: bool = True


@dataclass
class Product:
    """A product with its variants."""

    gid: str
    title: str
    variants: list[Variant] = field(default_factory=list)


@dataclass
class Change:
    """One quantity that was set, for the control listing."""

    item_gid: str
    location_gid: str
    name: str
    before: int
    after: int
    reason: str
    key: str
    at: str


@dataclass(frozen=True)
class KeptKey:
    """What an idempotency key was used for, by whom it was answered, and until when that counts."""

    fingerprint: str
    payload: dict[str, object]
    failed: bool
    until: float


class Store:
    """The whole state of the practice Shopify; hold `lock` while touching it."""

    def __init__(self, world: "World") -> None:
        self.lock = threading.RLock()
        self.clock = world.clock
        self.tokens = {"practice-token"}
        self.products: dict[str, Product] = {}
        self.variants: dict[str, Variant] = {}
        self.locations: dict[str, Location] = {}
        self.levels: dict[tuple[str, str], Level] = {}
        self.changes: list[Change] = []
        self.keys: dict[str, KeptKey] = {}
        self.allowance = Allowance(world.clock.elapsed)
        self.throttle_status = 200
        self._numbers = 500_000

    def gid(self, kind: str) -> str:
        """A fresh global id."""
        self._numbers += 1
        return f"{_GID}/{kind}/{self._numbers}"

    def stamp(self) -> str:
        """The world's present as Shopify writes it."""
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def add_location(self, name: str, *, active: bool = True) -> Location:
        """A location by name, made if it is new."""
        known = next((each for each in self.locations.values() if each.name == name), None)
        location = known or Location(self.gid("Location"), name, active)
        self.locations[location.gid] = location
        return location

    def add_variant(self, sku: str, product_title: str, title: str, *, tracked: bool = True) -> Variant:
        """A new variant; the same SKU twice makes two variants, as in real shops."""
        product = next((each for each in self.products.values() if each.title == product_title), None)
        if product is None:
            product = Product(self.gid("Product"), product_title)
            self.products[product.gid] = product
        variant = Variant(self.gid("ProductVariant"), sku, title, self.gid("InventoryItem"), product, tracked)
        product.variants.append(variant)
        self.variants[variant.gid] = variant
        return variant

    def put_level(self, item_gid: str, location_gid: str, available: int, committed: int = 0) -> Level:
        """Stock an item at a location."""
        level = Level(item_gid, location_gid, available, committed, self.stamp())
        self.levels[item_gid, location_gid] = level
        return level

    def levels_of(self, item_gid: str) -> list[Level]:
        """The levels of one item."""
        return [level for level in self.levels.values() if level.item_gid == item_gid]

    def variant_of_item(self, item_gid: str) -> Variant | None:
        """The variant an inventory item belongs to."""
        return next((each for each in self.variants.values() if each.item_gid == item_gid), None)


def store_of(world: "World") -> Store:
    """The store of this world, made on first use; look it up for every call because a reset drops it."""
    store = world.extras.get("shopify")
    if not isinstance(store, Store):
        store = Store(world)
        world.extras["shopify"] = store
    return store

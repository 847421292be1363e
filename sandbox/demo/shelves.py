"""What the practice shop shows to shoppers, held against what Cin7 has to offer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from sandbox.demo.day.words import BUFFER, MAIN
from sandbox.demo.desk import Desk


@dataclass(frozen=True, slots=True)
class Shelf:
    """One SKU: the figure in the shop, and Available in Cin7 less the buffer, never below zero."""

    sku: str
    shown: int
    offered: int


def put_up(desk: Desk) -> None:
    """The shop knows everything that Cin7 has on the shelf, and has none of it until it is told."""
    rows = [{"sku": sku, "levels": {MAIN: 0}} for sku in sorted({row["sku"] for row in desk.get("/stock")})]
    desk.post("/shopify/variants", {"variants": rows})


def shelves(desk: Desk) -> list[Shelf]:
    """Every SKU of the shop."""
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    allocated: dict[str, Decimal] = {}
    for row in desk.get("/stock"):
        if row["location"] == MAIN:
            held[row["sku"]] += Decimal(row["on_hand"])
            # Allocated counts for the whole location, on each of its rows.
            allocated[row["sku"]] = Decimal(row["allocated"])
    return [
        Shelf(row["sku"], int(row["available"]), max(0, int(held[row["sku"]] - allocated[row["sku"]]) - BUFFER))
        for row in desk.get("/shopify/levels")["levels"]
        if row["sku"] in held
    ]


def shelves_agree(desk: Desk) -> bool:
    """Whether the shop shows what Cin7 has to offer."""
    return all(shelf.shown == shelf.offered for shelf in shelves(desk))


def changes(desk: Desk) -> dict[str, int]:
    """How often each SKU's figure was changed in the shop."""
    found: defaultdict[str, int] = defaultdict(int)
    for row in desk.get("/shopify/changes")["changes"]:
        found[row["sku"]] += 1
    return dict(found)

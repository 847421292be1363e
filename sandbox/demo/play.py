"""Playing a day: sales before it, then every step at its time, then patience until all is said and done."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.demo.day.arithmetic import CENT, piece, refunds_of
from sandbox.demo.day.words import ADVANCED, ALDER, CEDAR, Back, Day, Ending, ReturnOfDay, SaleOfDay, Step, Until
from sandbox.demo.desk import Desk
from sandbox.demo.finance import release_batch
from sandbox.demo.ledger import LedgerWindow, View
from sandbox.demo.settings import LONDON, domain
from sandbox.demo.shelves import shelves_agree
from sandbox.demo.stage import Stage

#: Called with the ledger as it stands, the steps made and the steps of the day.
Show = Callable[[View, int, int], None]
LOOK_SECONDS = 0.4
#: A step that waits for something is made anyway after this long: the checks then say what was missing.
PATIENCE_SECONDS = 100.0
#: Longer than an exchange may lie in draft because its item is not back.
ASKED_LONG_AGO = timedelta(days=8)
AT_REST = {"payload_form": "nested", "webhook_duplicated": 0.0, "webhook_reordered": 0.0, "webhook_lost": 0.0}
#: Steps that are several buttons, pressed without a pause.
AT_ONCE = {
    "arrive at once": ("request", "approve", "receive"),
    "end unseen": ("request", "approve", "receive", "done"),
}


class Seller:
    """Builds the sales of a day in the practice world; knows their ids after."""

    def __init__(self, desk: Desk, day: Day) -> None:
        self._desk, self._day = desk, day
        self.sale_ids: dict[str, str] = {}

    def stock_up(self) -> dict[str, Decimal]:
        """Put enough of everything on the shelf at its own cost; gives the unit cost of each SKU."""
        needed: defaultdict[str, int] = defaultdict(int)
        for sale in self._day.sales:
            for line in sale.lines:
                needed[line.sku] += line.quantity
        for one in self._day.returns:
            for back in one.back:
                needed[back.new_sku or self._day.sale(one.order_name).lines[back.line].sku] += back.quantity
        costs: dict[str, Decimal] = {}
        for sku, count in sorted(needed.items()):
            row = next(one for one in self._desk.get("/stock", sku=sku) if Decimal(one["on_hand"]))
            costs[sku] = (Decimal(row["value"]) / Decimal(row["on_hand"])).quantize(Decimal("0.0001"))
            self._desk.post("/stock", {"sku": sku, "quantity": str(count + 5), "cost": str(costs[sku])})
        return costs

    def sell(self) -> None:
        """Make every sale of the day."""
        today = datetime.now(UTC).date()
        for sale in self._day.sales:
            day = today - timedelta(days=sale.days_ago)
            made = self._desk.post("/sales", sale_form(sale) | {"date": day.isoformat()})
            self.sale_ids[sale.order_name] = made["sale_id"]


def sale_form(sale: SaleOfDay) -> dict[str, Any]:
    """The sale as the control desk builds it."""
    return {
        "order_name": sale.order_name,
        "external_id": order_id(sale.order_name),
        "customer": "Shopify Customer" if sale.currency == "GBP" else "Euro Customer",
        "kind": "Advanced Sale" if sale.kind == ADVANCED else "Simple Sale",
        "currency": sale.currency,
        "rate": str(sale.rate),
        "tax_inclusive": sale.tax_inclusive,
        "ship": True,
        "invoice_status": sale.invoice,
        "charges": [{"price": str(sale.shipping)}] if sale.shipping else [],
        "lines": [
            {
                "sku": line.sku,
                "quantity": str(line.quantity),
                "price": str(line.price),
                "discount": str(line.discount),
                "tax_rule": line.tax_rule,
            }
            for line in sale.lines
        ],
    }


def order_id(order_name: str) -> str:
    """The shop system's id of an order."""
    return f"7{int(order_name.strip('#')):011d}"


class Player:
    """Makes the steps of a day happen. `show` is called with what the ledger says, a few times a second."""

    def __init__(self, stage: Stage, day: Day, sale_ids: dict[str, str], show: Show) -> None:
        self.stage, self.day, self.show = stage, day, show
        self.desk, self.window = stage.desk, LedgerWindow(stage)
        self.rma_ids: dict[str, str] = {}
        self.released: list[str] = []
        self.exchange_ids: dict[str, str] = {}
        self.replaced_ids: dict[str, str] = {}
        self.unit_ids: dict[str, list[str]] = {}
        self.stray: list[dict[str, Any]] = []
        self.fault_ids: list[int] = []
        self._sale_ids = sale_ids
        self._returns = {one.name: one for one in day.returns}
        self._view = View({}, {}, 0, 0, {}, {})
        self._looked = 0.0

    def play(self) -> None:
        """Every step, no earlier than its time and not before what it waits for."""
        began = time.monotonic()
        waiting, made = list(self.day.steps), 0
        while waiting:
            now = time.monotonic() - began
            for step in [step for step in waiting if self._is_time(step, now)]:
                self._make(step)
                waiting.remove(step)
                made += 1
            self._look(made)
            time.sleep(0.02)

    def wait_until_quiet(self, seconds: float) -> bool:
        """Whether everything stood as it must, with nothing on its way, within `seconds`."""
        deadline, still = time.monotonic() + seconds, 0
        while time.monotonic() < deadline:
            self._look(len(self.day.steps), at_once=True)
            still = still + 1 if self._is_quiet() else 0
            if still >= 3:
                return True
            time.sleep(LOOK_SECONDS)
        return False

    def _is_time(self, step: Step, now: float) -> bool:
        if step.at > now or (step.name and not self._known(step)):
            return False
        return step.until is None or self._met(step.until) or now > step.at + PATIENCE_SECONDS

    def _known(self, step: Step) -> bool:
        return step.do in ("request", *AT_ONCE) or step.name in self.rma_ids

    def _met(self, until: Until) -> bool:
        if until.kind == "batch":
            return self._view.batches.get(until.name) == until.concern
        if until.kind == "locked":
            return self._view.locked is not None
        if until.kind == "others":
            others = [one for one in self.day.returns if one.name != until.name]
            return all(one.name in self.rma_ids and self._at_its_end(one, self._view) for one in others)
        standing = self._view.of(self.rma_ids.get(until.name, ""))
        if until.kind == "done":
            return until.concern in standing.done
        return standing.credited if until.kind == "credited" else until.concern in standing.open

    def _look(self, made: int, *, at_once: bool = False) -> None:
        if at_once or time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            self._view = self.window.look()
            self.show(self._view, made, len(self.day.steps))

    def _is_quiet(self) -> bool:
        view = self._view
        if view.undecided or view.unseen or not all(self._at_its_end(one, view) for one in self.day.returns):
            return False
        if any(state != "closed" for state in view.batches.values()) or not shelves_agree(self.desk):
            return False
        return not self.desk.get("/returngo/deliveries")["waiting"]

    def _at_its_end(self, one: ReturnOfDay, view: View) -> bool:
        standing = view.of(self.rma_ids[one.name])
        if one.ending is Ending.CREDITED:
            return one.effects <= standing.done and standing.state == "settled" and not standing.open
        if one.ending is Ending.WAITS:
            return one.waits_for in standing.open
        return standing.state in ("refused", "settled")

    def _make(self, step: Step) -> None:
        if step.do == "fault":
            self.fault_ids.append(self.desk.post("/faults", dict(step.body))["id"])
        elif step.do == "stray":
            self.stray += self.desk.post("/returngo/deliver", {"url": self.stage.hook(ALDER), **step.body})["outcomes"]
        elif step.do == "lock the period":
            self.desk.patch("/settings", {"lock_date": datetime.now(LONDON).date().isoformat()})
        elif step.do == "release batch":
            self.released.append(release_batch(self.stage, CEDAR))
        elif step.do == "import again":
            self._import_again(self._returns[step.name])
        elif step.do in ("credit natively", "draft order"):
            self._in_cin7(step.do, self._returns[step.name])
        elif step.do in ("authorise-invoice", "convert-to-advanced"):
            self.desk.post(f"/sales/{self._sale_ids[self._returns[step.name].order_name]}/{step.do}")
        else:
            self._at_the_portal(step.do, self._returns[step.name])

    def _import_again(self, one: ReturnOfDay) -> None:
        """The sale is voided in Cin7, and the shop's channel makes the order anew, paid."""
        old = self.replaced_ids[one.name] = self._sale_ids[one.order_name]
        self.desk.post(f"/sales/{old}/void")
        made = self.desk.post(f"/sales/{old}/import-again", {"invoice_status": "PAID"})
        self._sale_ids[one.order_name] = made["sale_id"]

    def _in_cin7(self, do: str, one: ReturnOfDay) -> None:
        if do == "credit natively":
            self.desk.post(f"/sales/{self._sale_ids[one.order_name]}/foreign-credit-note")
            return
        sale = self.day.sale(one.order_name)
        draft = self.desk.get(f"/returngo/rmas/{self.rma_ids[one.name]}")["exchangeOrders"][0]["orderName"]
        lines = [
            {"sku": back.new_sku, "quantity": str(back.quantity), "price": str(sale.lines[back.line].price)}
            for back in one.back
        ]
        form = sale_form(sale) | {"customer_reference": draft, "order_name": draft, "order_status": "DRAFT"}
        made = self.desk.post("/sales", form | {"external_id": None, "lines": lines})
        self.exchange_ids[one.name] = made["sale_id"]

    def _at_the_portal(self, do: str, one: ReturnOfDay) -> None:
        manner = one.manner
        changed = {
            "payload_form": manner.payload_form,
            "webhook_duplicated": float(manner.duplicated),
            "webhook_reordered": float(manner.reordered),
            "webhook_lost": float(manner.lost),
        }
        special = changed != AT_REST
        if special:
            self.desk.patch("/returngo/settings", changed)
        for button in AT_ONCE.get(do, (do,)):
            self._press(button, one)
        if special:
            self.desk.patch("/returngo/settings", AT_REST)

    def _press(self, button: str, one: ReturnOfDay) -> None:
        if button == "request":
            made = self.desk.post("/returngo/rmas", self._request(one))
            self.rma_ids[one.name], self.unit_ids[one.name] = made["rma_id"], made["returned_item_ids"]
            return
        path = f"/returngo/rmas/{self.rma_ids[one.name]}"
        self.desk.post(f"{path}/{button}", self._money(one) if button == "refund" else {})
        if button == "receive" and any(back.faulty for back in one.back):
            verdict = {"returned": True, "restockable": False, "reason": one.back[0].reason}
            self.desk.post(f"{path}/inspect", dict.fromkeys(self.unit_ids[one.name], verdict))

    def _money(self, one: ReturnOfDay) -> dict[str, str]:
        settled = {"settles_after": "0", "outcome": "Success"}
        if not one.shipping_back:
            return settled
        paid = sum(refunds_of(self.day.sale(one.order_name), one).values(), Decimal(0))
        return settled | {"amount": str(paid.quantize(CENT))}

    def _request(self, one: ReturnOfDay) -> dict[str, Any]:
        sale = self.day.sale(one.order_name)
        asked = datetime.now(UTC) - ASKED_LONG_AGO
        return {
            **({"created_at": asked.isoformat(), "status": "Approved"} if one.exchanged else {}),
            "shop_name": domain(one.shop),
            "order_name": one.told_order or one.order_name,
            "order_id": order_id(one.order_name),
            "currency": sale.currency,
            "shop_currency": "GBP",
            "rate": str(sale.rate),
            "units": [unit_form(sale, back) for back in one.back],
        }


def unit_form(sale: SaleOfDay, back: Back) -> dict[str, Any]:
    """The returned pieces as the portal's control desk takes them."""
    sold = sale.lines[back.line]
    paid, tax = piece(sold, inclusive=sale.tax_inclusive)
    return {
        "sku": back.portal_sku or sold.sku,
        "quantity": back.quantity,
        "line_item_id": f"{order_id(sale.order_name)}{back.line}",
        "paid_price": str((paid + back.overpaid).quantize(CENT)),
        "paid_tax": str(tax),
        "tax_included": sale.tax_inclusive,
        "reason": back.reason,
        "resolution": back.resolution,
        "restocking_fee": str(back.fee),
        "exchange_items": [{"sku": back.new_sku, "price": str(paid)}] if back.new_sku else [],
    }

"""The Shopify target: what differs is set by comparison, so that nobody's change is overwritten unseen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from consumers.stock_availability import AMBIGUOUS, NOT_STOCKED, REFUSED, UNKNOWN, UNREADABLE, UNTRACKED, shop_names
from pipeline.calls.failures import CredentialsRejected, Unavailable, WireError, away
from pipeline.calls.quota import QuotaUnavailable, QuotaWait
from pipeline.kill_points import reach
from pipeline.ledger import availability
from pipeline.ledger.entries import Claim
from pipeline.parts import Parts, ShopParts
from pipeline.shopify.client import SKUS_PER_QUERY, Item, Quantity, Refusal, Shopify
from schemas.concerns import Concern, ConcernType
from schemas.json.fields import SchemaInvalidError
from schemas.misfits import leaving_out
from tasks import outages
from tasks.availability.feed import Published
from tasks.failures import CREDENTIALS_PAUSE, SystemStoppedError, consequence

TARGET = "shopify"
#: Figures one round takes on, and seconds after which it leaves the rest to the next: a round fits into its lease.
MOST_A_ROUND, LONGEST_ROUND = 500, 60.0
#: Times a stale batch is read again and sent with the new level before it waits.
TRIES = 3
_AGAIN = 5.0
_WORDS = {
    "ITEM_NOT_STOCKED_AT_LOCATION": NOT_STOCKED,
    "NON_MUTABLE_INVENTORY_ITEM": UNTRACKED,
    "INVALID_INVENTORY_ITEM": UNKNOWN,
}

Row = Mapping[str, Any]


@dataclass(slots=True)
class Matched:
    """Figures sorted by what the shop has: to be set, shown already, or impossible and why."""

    sends: list[tuple[Row, Item]] = field(default_factory=list)
    same: list[Row] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)


def retry_before(parts: Parts) -> datetime:
    """SKUs that the shop could not take are tried again when their last try is older than this."""
    return parts.clock() - timedelta(seconds=parts.settings.intervals.park_max)


def match(
    rows: Iterable[Row],
    found: Mapping[str, Sequence[Item]],
    names: Mapping[str, str],
    unread: Collection[str] = frozenset(),
) -> Matched:
    """Tie each figure to its one inventory item. A SKU on two variants is never sent: each would offer the whole; nor
    is one with a variant that could not be read (`unread`)."""
    matched = Matched()
    for row in rows:
        name = names.get(row["sku"], row["sku"])
        items = found.get(name, ())
        trouble = UNREADABLE if name in unread else _trouble(items)
        if trouble:
            matched.troubles[row["sku"]] = trouble
        elif items[0].available == row["available"]:
            matched.same.append(row)
        else:
            matched.sends.append((row, items[0]))
    return matched


def _trouble(items: Sequence[Item]) -> str:
    if not items:
        return UNKNOWN
    if len(items) > 1:
        return AMBIGUOUS
    if not items[0].tracked:
        return UNTRACKED
    return NOT_STOCKED if items[0].available is None else ""


def publish(parts: Parts, shop: ShopParts, claimed: Claim) -> Published:
    """Set what differs from what the shop was told last. Whatever the shop does, the entry comes back to it."""
    try:
        outages.check(parts, shop.name, TARGET)
        done = _Round(parts, shop).run()
        outages.worked(parts, shop.name, TARGET)
        return done
    except (WireError, QuotaWait, QuotaUnavailable, SystemStoppedError, SchemaInvalidError) as error:
        return _put_off(parts, shop, claimed, error)


def _put_off(parts: Parts, shop: ShopParts, claimed: Claim, error: Exception) -> Published:
    # Three failures at most are counted against the wait, so that no lasting trouble of the shop buries its stock.
    what = consequence(error, min(claimed.failures, 3), parts.settings.intervals, claimed.subject)
    if isinstance(error, CredentialsRejected):
        outages.stop(parts, shop.name, TARGET, CREDENTIALS_PAUSE, ConcernType.CREDENTIALS_REJECTED, str(error))
    elif (what.counts or away(error)) and not what.tell:
        outages.failed(parts, shop.name, TARGET, str(error))
    told = f"{type(error).__name__}: {error}"
    step = "An engineer must teach the schema this answer; it is asked for again by itself."
    concerns = (Concern(ConcernType.SCHEMA_INVALID, f"The shop: {error}", step),) if what.tell else ()
    return Published(again=what.seconds, told=told, failed=what.counts, concerns=concerns)


class _Round:
    """One round of publishing."""

    def __init__(self, parts: Parts, shop: ShopParts) -> None:
        self.parts, self.shop = parts, shop
        self.names = shop_names(shop.terms)
        self.sent = self.same = self.left = 0

    def run(self) -> Published:
        rows = self._due(MOST_A_ROUND)
        if not rows:
            return Published(told="the shop shows what Cin7 has")
        client = self.shop.shopify
        if client is None:
            raise Unavailable(f"there is no [shops.{self.shop.name}.shopify] in the settings")
        location = self._location(client)
        if isinstance(location, Concern):
            return Published(again=self.parts.settings.intervals.park_min, told=location.cause, concerns=(location,))
        end = self.parts.clock() + timedelta(seconds=LONGEST_ROUND)
        for start in range(0, len(rows), SKUS_PER_QUERY):
            if self.parts.clock() >= end:
                break
            self._batch(client, location, rows[start : start + SKUS_PER_QUERY])
        more = self.left or self._due(1)
        told = f"{self.sent} figures set, {self.same} shown already"
        return Published(self.sent, self.same, _AGAIN if self.left else 0.0 if more else None, told)

    def _due(self, limit: int) -> list[Row]:
        with self.parts.ledger.read() as conn:
            return availability.due(conn, self.shop.name, TARGET, retry_before(self.parts), limit)

    def _location(self, client: Shopify) -> str | Concern:
        """The location of the settings, or the only one the shop has."""
        told = self.shop.shop.shopify.location_id if self.shop.shop.shopify else ""
        if told:
            return told
        active = [place for place in client.locations() if place.active]
        if len(active) == 1:
            return active[0].location_id
        names = ", ".join(f"{place.name} ({place.location_id})" for place in active) or "none"
        return Concern(
            ConcernType.LOCATION_UNMAPPED,
            f"The shop has {len(active)} active locations: {names}. Availability is not published meanwhile.",
            f"Set shops.{self.shop.name}.shopify.location_id to the one that serves shoppers.",
        )

    def _batch(self, client: Shopify, location: str, rows: Sequence[Row]) -> None:
        matched = self._match(client, location, rows)
        pending = matched.sends
        for _ in range(TRIES):
            if not pending:
                return
            refusals = client.set_available([_quantity(row, item) for row, item in pending], location)
            reach("availability.sent")
            if not refusals:
                self._published([row for row, _ in pending], sent=True)
                return
            pending = self._after(client, location, pending, refusals)
        self.left += len(pending)

    def _match(self, client: Shopify, location: str, rows: Sequence[Row]) -> Matched:
        with leaving_out() as odd:
            found = client.items([str(self.names.get(row["sku"], row["sku"])) for row in rows], location)
        matched = match(rows, found, self.names, {misfit.text("sku") for misfit in odd})
        self._published(matched.same, sent=False)
        self._refused(matched.troubles)
        return matched

    def _after(
        self, client: Shopify, location: str, pending: list[tuple[Row, Item]], refusals: Sequence[Refusal]
    ) -> list[tuple[Row, Item]]:
        """Nothing of the call was set: leave out what can never be, read the rest again, and send that."""
        if any(refusal.index is None or refusal.index >= len(pending) for refusal in refusals):
            raise Unavailable("; ".join(f"{refusal.code}: {refusal.message}" for refusal in refusals))
        hopeless = {refusal.index or 0: refusal.code for refusal in refusals if not refusal.stale}
        self._refused({pending[index][0]["sku"]: _WORDS.get(code, REFUSED) for index, code in hopeless.items()})
        rest = [pair for index, pair in enumerate(pending) if index not in hopeless]
        if not any(refusal.stale for refusal in refusals):
            return rest
        return self._match(client, location, [row for row, _ in rest]).sends

    def _published(self, rows: Sequence[Row], *, sent: bool) -> None:
        now = self.parts.clock()
        with self.parts.ledger.write() as conn:
            availability.published(conn, self.shop.name, TARGET, rows, now, sent=sent)
        self.sent += len(rows) if sent else 0
        self.same += 0 if sent else len(rows)

    def _refused(self, troubles: Mapping[str, str]) -> None:
        if not troubles:
            return
        with self.parts.ledger.write() as conn:
            for sku, trouble in troubles.items():
                availability.refused(conn, self.shop.name, sku, trouble, self.parts.clock())


def _quantity(row: Row, item: Item) -> Quantity:
    return Quantity(item.item_id, row["available"], item.available or 0)

"""Stock availability in motion: sweep Cin7 when it is time, read again what a webhook named, and have the shop's one
entry publish what differs. Publishing wakes nothing, so it cannot feed itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from consumers import stock_availability as rules
from consumers.stock_availability import Known, Look, Traffic
from pipeline.calls.failures import BadAnswer, WireError, away
from pipeline.calls.quota import Priority, QuotaUnavailable, QuotaWait
from pipeline.kill_points import reach
from pipeline.ledger import availability, concerns, cursors, entries
from pipeline.ledger.entries import Claim
from pipeline.parts import Parts, ShopParts
from schemas.cin7.stock import AVAILABILITY_LIST
from schemas.concerns import Concern
from schemas.json.fields import SchemaInvalidError
from schemas.misfits import left_out
from schemas.sales import AvailabilityRow
from tasks import outages
from tasks.availability import feed, shopify
from tasks.books.books import LedgerBooks
from tasks.failures import NotYetError, SystemStoppedError

log = structlog.get_logger()
POLL = "cin7:availability"
NONE, SHOPIFY, FEED = "none", "shopify", "feed"


class PlaceUnknownError(Exception):
    """A sellable location that Cin7 does not know; carries the exception for people."""

    def __init__(self, concern: Concern) -> None:
        super().__init__(concern.cause)
        self.concern = concern


# -- sweeping -----------------------------------------------------------------------------------------------------


def look(parts: Parts, name: str) -> None:
    """Sweep the shop's stock if its interval is over: long while money waits, short on an idle line.

    Raises NotYetError when no sweep was made, else what `sweep` raises.
    """
    shop, most = parts.shop(name), parts.settings.intervals.availability_max
    if shop.terms.availability_target == NONE:
        raise NotYetError(most)
    left = seconds_left(parts, shop)
    if left > 0:
        if shop.terms.availability_target == FEED and feed.missing(parts, name):
            _wake(parts, name)
        raise NotYetError(left)
    sweep(parts, name)


def seconds_left(parts: Parts, shop: ShopParts) -> float:
    """Seconds until the next sweep is due; none before the first."""
    now, limits = parts.clock(), parts.settings.intervals
    with parts.ledger.read() as conn:
        swept = availability.swept_at(conn, shop.name)
        urgent = availability.in_doubt(conn, shop.name)
        waits = availability.money_waits(conn, shop.name, now)
    gap = rules.interval(limits.availability_min, limits.availability_max, traffic(shop, waits=waits), urgent=urgent)
    return 0.0 if swept is None else max(0.0, gap - (now - swept).total_seconds())


def traffic(shop: ShopParts, *, waits: bool) -> Traffic:
    """How busy the shop's line to Cin7 is. Raises QuotaUnavailable."""
    usage = shop.cin7_quota.usage()
    return Traffic(usage.used, usage.limit, usage.held, waits)


def sweep(parts: Parts, name: str) -> int:
    """Read every SKU's Available and bring the picture up to date: all of it, or nothing. Gives the rows changed.

    Raises NotYetError when a sellable location is unknown; IncompleteSweep, and BadAnswer for an empty list where there
    was stock: the failures of a read.
    """
    shop = parts.shop(name)
    try:
        places = sellable_places(parts, shop)
    except PlaceUnknownError as unknown:
        _raise_concern(parts, shop, unknown.concern)
        raise NotYetError(parts.settings.intervals.availability_max) from None
    began = parts.clock()
    rows = shop.cin7.availability(priority=Priority.BULK)
    reach("sweep.polled")
    # A sum with a row missing would be too low: what is known of such a SKU stays until its rows fit again.
    odd = {misfit.text("SKU") for misfit in left_out(AVAILABILITY_LIST)}
    figures = rules.sellable(rows, places, shop.terms.availability_buffer)
    seen = Look(began, {sku: figure for sku, figure in figures.items() if sku not in odd}, whole=not odd)
    changed, woken = _keep_sweep(parts, shop, seen, empty=not rows)
    if woken:
        _hint(parts, woken)
    log.info("availability swept", shop=name, skus=len(seen.figures), changed=changed, publishes=bool(woken))
    return changed


def _keep_sweep(parts: Parts, shop: ShopParts, seen: Look, *, empty: bool) -> tuple[int, tuple[int, str] | None]:
    now, name = parts.clock(), shop.name
    with parts.ledger.write() as conn:
        last = availability.swept_at(conn, name)
        if last is not None and last >= seen.at:
            return 0, None
        known = _known(availability.rows(conn, name))
        if empty and any(row.available for row in known.values()):
            raise BadAnswer("the availability list is empty although there was stock before; nothing is concluded")
        changed = rules.picture(known, seen)
        availability.keep(conn, name, map(asdict, changed))
        availability.set_swept(conn, name, seen.at, now)
        availability.read_again(conn, name, seen.at)
        availability.trim(conn, name, now)
        if _something_due(conn, parts, shop) or shop.terms.availability_target == FEED:
            return len(changed), availability.wake(conn, name, now)
    return len(changed), None


def _something_due(conn: sa.Connection, parts: Parts, shop: ShopParts) -> bool:
    target = shop.terms.availability_target
    return bool(availability.due(conn, shop.name, target, shopify.retry_before(parts), 1))


def _known(rows: Iterable[Mapping[str, Any]]) -> dict[str, Known]:
    names = Known.__slots__
    return {str(row["sku"]): Known(**{name: row[name] for name in names}) for row in rows}


def sellable_places(parts: Parts, shop: ShopParts) -> tuple[str, ...]:
    """The names, as Cin7 spells them, of the locations that shoppers are served from; from the reference book.

    Raises PlaceUnknownError: with a place missing the sum would be too low, and shoppers would see less than there is.
    """
    books = LedgerBooks(parts, shop, None, "availability")
    wanted = rules.places_of(shop.terms)
    found = {place: books.location(place) for place in wanted}
    unknown = [place for place, location in found.items() if location is None]
    if unknown or not wanted:
        raise PlaceUnknownError(rules.place_unknown(unknown or ("no location",)))
    return tuple(location.name for location in found.values() if location is not None)


def _raise_concern(parts: Parts, shop: ShopParts, concern: Concern) -> None:
    with parts.ledger.write() as conn:
        subject = availability.subject(shop.name)
        owners = shop.terms.owners
        concerns.raise_(conn, shop.name, rules.NAME, subject, concern, parts.clock(), owners=owners)


def _wake(parts: Parts, name: str) -> None:
    with parts.ledger.write() as conn:
        woken = availability.wake(conn, name, parts.clock())
    _hint(parts, woken)


def _hint(parts: Parts, woken: tuple[int, str]) -> None:
    parts.hint_entry(woken[0], woken[1])


# -- one entry: read what was named, publish what differs -----------------------------------------------------------


def work(parts: Parts, claimed: Claim) -> tuple[str, str]:
    """The shop's entry: gives exit and reason. The target's failures end here; only what nobody foresaw is raised."""
    shop = parts.shop(claimed.shop)
    target = shop.terms.availability_target
    if target == NONE:
        return _rest(parts, claimed)
    troubles = _read_named(parts, shop)
    done = (shopify.publish if target == SHOPIFY else feed.publish)(parts, shop, claimed)
    now = parts.clock()
    with parts.ledger.write() as conn:
        listed = rules.concerns_of(availability.troubles(conn, shop.name) if target == SHOPIFY else {})
        raised = (*troubles, *done.concerns, *listed)
        owners = shop.terms.owners
        concerns.sync(conn, shop.name, rules.NAME, claimed.subject, raised, now, owners=owners)
        due = now + timedelta(seconds=done.again) if done.again is not None else None
        state = entries.SETTLED if due is None else entries.PARKED
        entries.release(conn, claimed, state, now, reason=done.told, due_at=due, failed=done.failed)
    log.info("availability published", shop=shop.name, target=target, sent=done.sent, same=done.same, told=done.told)
    return state, done.told


def _rest(parts: Parts, claimed: Claim) -> tuple[str, str]:
    why, now = "terms.availability_target is none", parts.clock()
    with parts.ledger.write() as conn:
        availability.read_again(conn, claimed.shop, now)
        availability.forget_troubles(conn, claimed.shop)
        concerns.sync(conn, claimed.shop, rules.NAME, claimed.subject, (), now)
        entries.release(conn, claimed, entries.SETTLED, now, reason=why)
    return entries.SETTLED, why


def _read_named(parts: Parts, shop: ShopParts) -> tuple[Concern, ...]:
    """Read the few SKUs that a webhook named; many of them, or any while money waits, are left to the sweep.

    A webhook's own rows are part of the picture only (one row each location, bin and batch), so they say where to look.
    """
    try:
        places = sellable_places(parts, shop)
        with parts.ledger.read() as conn:
            named = availability.touched(conn, shop.name)
            waits = availability.money_waits(conn, shop.name, parts.clock())
        if not named:
            return ()
        if not rules.worth_reading(len(named), traffic(shop, waits=waits)):
            _leave_to_sweep(parts, shop.name)
        else:
            outages.check(parts, shop.name, "cin7")
            for sku, since in named.items():
                _look_at(parts, shop, places, sku, Look(parts.clock(), {}, whole=False, since={sku: since}))
            outages.worked(parts, shop.name, "cin7")
    except PlaceUnknownError as unknown:
        return (unknown.concern,)
    except (WireError, QuotaWait, QuotaUnavailable, SystemStoppedError, SchemaInvalidError) as error:
        # What Cin7 does not answer now never keeps back what is known already.
        if away(error):
            outages.failed(parts, shop.name, "cin7", str(error))
        log.warning("left to the sweep", shop=shop.name, why=f"{type(error).__name__}: {error}")
        _leave_to_sweep(parts, shop.name)
    return ()


def _look_at(parts: Parts, shop: ShopParts, places: tuple[str, ...], sku: str, seen: Look) -> None:
    rows = shop.cin7.availability_of(sku, priority=Priority.BULK)
    figures = rules.sellable(rows, places, shop.terms.availability_buffer)
    keep_look(parts, shop.name, sku, rows, Look(seen.at, figures, whole=False, since=seen.since))


def keep_look(parts: Parts, name: str, sku: str, rows: tuple[AvailabilityRow, ...], seen: Look) -> None:
    """Bring one SKU up to date, unless a sweep that began later has done so already."""
    with parts.ledger.write() as conn:
        last = availability.swept_at(conn, name)
        known = _known(availability.rows(conn, name, [sku]))
        figures = {sku: seen.figures.get(sku, 0)} if sku in known or sku in seen.figures else {}
        if last is None or last <= seen.at:
            exact = Look(seen.at, figures, whole=False, since=seen.since)
            changed = rules.picture(known, exact)
            availability.keep(conn, name, map(asdict, changed))
        # A SKU that seems sold out stays named, so that the sweep which must confirm it comes soon.
        if figures.get(sku, 1) > 0 or sku not in known:
            availability.read_again(conn, name, seen.at, [sku])


def _leave_to_sweep(parts: Parts, name: str) -> None:
    with parts.ledger.write() as conn:
        cursors.expire_cursor(conn, name, POLL)

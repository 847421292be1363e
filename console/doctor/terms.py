"""One shop's terms against what its returns have shown: words nobody mapped, SKUs on one side only, and signs that
somebody else writes to Cin7 too."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from console.doctor.row import Row, amber, green, red
from pipeline.calls.failures import WireError
from pipeline.calls.quota import Priority, QuotaUnavailable, QuotaWait
from pipeline.ledger.seen_words import Seen, seen
from schemas.concerns import ConcernType
from schemas.terms import EffectOwner, Terms

if TYPE_CHECKING:
    from pipeline.ledger import Ledger
    from pipeline.parts import ShopParts
    from schemas.cin7.reference import Product

#: Names shown in one row; the rest is counted.
_SHOWN = 5
_K = ConcernType
#: Exceptions that a line in the settings closes, and the key of that line under the shop's terms.
_KEYS = {
    _K.REASON_UNMAPPED: "dispositions",
    _K.LOCATION_UNMAPPED: "portal_locations",
    _K.LOCATION_INVALID: "sellable_location, quarantine_location or portal_locations",
    _K.FEE_UNMAPPED: "fees",
    _K.TAX_RULE_UNKNOWN: "tax_successors",
    _K.REFUND_ACCOUNT_UNMAPPED: "refund_accounts",
    _K.STOCK_ACCOUNT_UNMAPPED: "write_off_account or the disposition's account",
    _K.SKU_UNMATCHED: "sku_aliases",
    _K.SKU_AMBIGUOUS: "sku_aliases",
}


def setup_rows(ledger: Ledger, shop: ShopParts, now: datetime) -> Iterator[Row]:
    """Every check of the shop's terms against its returns so far. Calls Cin7 only where there are returns: once for
    every 1,000 products, and once for transfers."""
    with ledger.read() as conn:
        words = seen(conn, shop.name, now)
    if not words.skus:
        return
    yield from word_rows(shop.name, shop.terms, words)
    yield from exception_rows(shop.name, words.exceptions)
    products, problem = _asked(f"{shop.name} SKUs", shop.cin7.catalogue)
    yield from [problem] if problem else sku_rows(shop.name, shop.terms.sku_aliases, words.skus, products)
    transfers, problem = _asked(f"{shop.name} native channel", lambda: _channel_transfers(shop, words))
    yield from [problem] if problem else native_rows(shop.name, shop.terms, words, transfers)


def _channel_transfers(shop: ShopParts, words: Seen) -> list[str]:
    """Transfers that carry a channel sale's number and nothing else: goods restocked elsewhere than they were sold from
    are moved on so (help centre)."""
    beginnings = sorted({name[: re.search(r"\d|$", name).start()] for name in words.channel_orders})  # type: ignore[union-attr]
    if not words.channel_orders:
        return []
    # One look is enough for a sign: the beginning that most systems use for all their orders.
    found = shop.cin7.find_transfers(beginnings[-1] or "SO-", priority=Priority.BULK)
    return [one.number for one in found if one.reference.strip() in words.channel_orders]


def word_rows(at: str, terms: Terms, words: Seen) -> Iterator[Row]:
    """Reasons, portal locations and fees that returns carry and no term maps, and ReturnGO's words we do not know."""
    mapped = {rule.reason.strip().casefold() for rule in terms.dispositions}
    lost = [r for r in words.reasons if "*" not in mapped and r.strip().casefold() not in mapped]
    yield _mapped(f"{at} reasons", words.reasons, lost, f"add a disposition in shops.{at}.terms.dispositions")
    known = {name.strip().casefold() for name in terms.portal_locations}
    places = [p for p in words.places if p and p.strip().casefold() not in known]
    yield _mapped(f"{at} portal locations", words.places, places, f"name them in shops.{at}.terms.portal_locations")
    fees = [name for name, count in words.fees.items() if count and name not in terms.fees]
    yield _mapped(f"{at} fees", words.fees, fees, f"name them in shops.{at}.terms.fees")
    strange = sorted(words.unknown)
    if strange:
        fix = (
            "ask engineering to teach Returnline these words (schemas/returns.py); each opens UNKNOWN_STATUS meanwhile"
        )
        counted = _some([f"{name!r} ({words.unknown[name]})" for name in strange])
        yield amber(f"{at} words of ReturnGO", f"not known: {counted}", fix)


def _mapped(check: str, counts: Counter[str], lost: list[str], fix: str) -> Row:
    if not lost:
        return green(check, "all mapped")
    named = sorted(lost, key=lambda name: (-counts[name], name))
    return amber(check, f"not mapped: {_some([f'{name!r} ({counts[name]})' for name in named])}", fix)


def exception_rows(at: str, exceptions: Mapping[str, int]) -> Iterator[Row]:
    """Open exceptions that a line in the settings would close."""
    for kind, key in _KEYS.items():
        count = exceptions.get(kind.value, 0)
        if count:
            fix = f"see `returnline exceptions list --type {kind.value}`, then set shops.{at}.terms: {key}"
            yield amber(f"{at} {kind.value}", f"{count} open", fix)
    if stuck := exceptions.get(_K.NATIVE_DUPLICATE.value, 0):
        fix = "switch off refunds in Cin7's own channel, or set credit_note_owner = 'native'"
        yield red(f"{at} {_K.NATIVE_DUPLICATE.value}", f"{stuck} open", fix)


def sku_rows(at: str, aliases: Mapping[str, str], skus: Iterable[str], products: Iterable[Product]) -> Iterator[Row]:
    """SKUs of returns that Cin7 does not have letter for letter: spelled differently, several fit, or none does."""
    exact: dict[str, str] = {}
    loose: defaultdict[str, set[str]] = defaultdict(set)
    for product in products:
        exact[product.sku] = product.status
        loose[folded(product.sku)].add(product.sku)
    differing: list[str] = []
    several: list[str] = []
    missing: list[str] = []
    retired: list[str] = []
    for sku in sorted(set(skus)):
        wanted = aliases.get(sku, sku)
        near = sorted(loose[folded(wanted)])
        if wanted in exact:
            retired += [wanted] if exact[wanted].casefold() == "deprecated" else []
        elif len(near) == 1:
            differing.append(f"{sku!r} is {near[0]!r} in Cin7")
        else:
            (several if near else missing).append(repr(sku))
    check = f"{at} SKUs"
    if not (differing or several or missing or retired):
        yield green(check, "every SKU of the returns is in Cin7")
    if differing:
        fix = f"spell them alike, or tie them in shops.{at}.terms.sku_aliases"
        yield amber(f"{check} spelled differently", _some(differing), fix)
    if several:
        yield amber(
            f"{check} with several matches", _some(several), f"name the right one in shops.{at}.terms.sku_aliases"
        )
    if missing:
        fix = f"make them in Cin7, or tie them in shops.{at}.terms.sku_aliases"
        yield amber(f"{check} not in Cin7", _some(missing), fix)
    if retired:
        yield amber(
            f"{check} deprecated", _some(retired), "credited through the invoice line; restock needs an active product"
        )


def folded(sku: str) -> str:
    """A SKU without case, spaces, dashes of any kind, slashes and leading zeros: what people take for the same."""
    plain = unicodedata.normalize("NFKC", sku).casefold()
    return re.sub(r"[\W_]+", "", plain).lstrip("0")


def native_rows(at: str, terms: Terms, words: Seen, transfers: list[str]) -> Iterator[Row]:
    """Signs that Cin7's own Shopify channel credits and restocks: with both on, every return is credited twice."""
    signs = []
    if words.foreign_notes:
        signs.append(f"{len(words.foreign_notes)} sales with notes not ours: {_some(list(words.foreign_notes))}")
    if words.adopted:
        signs.append(f"{words.adopted} notes adopted")
    if transfers:
        signs.append(f"transfers after a restock: {_some(transfers)}")
    check = f"{at} native channel"
    if not signs:
        yield green(check, "no sign that it credits returns")
    elif terms.credit_note_owner is EffectOwner.NATIVE:
        yield green(check, f"credits returns, as the terms say ({'; '.join(signs)})")
    else:
        fix = f"switch off refunds there, or set shops.{at}.terms.credit_note_owner = 'native'"
        yield amber(check, f"in the last 30 days: {'; '.join(signs)}", fix)
    if words.not_in_shop:
        fix = "give the shop's variant the same SKU as Cin7, tracked and stocked at the location"
        yield amber(f"{at} shop SKUs", f"cannot be shown in the shop: {_some(list(words.not_in_shop))}", fix)


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _asked(check: str, ask: Callable[[], Any]) -> tuple[Any, Row | None]:
    try:
        return ask(), None
    except WireError as error:
        return None, amber(check, f"not compared: {error.why}", "try again; if it stays, look at the rows above")
    except (QuotaWait, QuotaUnavailable) as error:
        return None, amber(check, f"not compared: no call slot free ({type(error).__name__})", "try again in a minute")

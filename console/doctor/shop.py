"""One shop: credentials, the names its terms mention, and whether its webhooks still come to us."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from console.doctor.row import Row, amber, green, red
from pipeline.calls.failures import CredentialsRejected, WireError
from pipeline.calls.quota import QuotaUnavailable, QuotaWait
from pipeline.settings.values import Settings
from schemas.sales import Account, Location, TaxRule, Tenant
from schemas.terms import EffectOwner, Terms
from schemas.words import plain

if TYPE_CHECKING:
    from pipeline.parts import ShopParts

LOCK_NEAR = timedelta(days=2)
CIN7_EVENTS = ("Sale/InvoiceAuthorised", "Sale/CreditNoteAuthorised", "Sale/Voided")


def shop_rows(settings: Settings, shop: ShopParts, now: datetime) -> Iterator[Row]:
    """Every check of one shop: up to five calls to Cin7 Core and one to ReturnGO."""
    at = shop.name
    if shop.terms.go_live is None:
        yield amber(f"{at} go-live", "no date", f"set shops.{at}.terms.go_live; until then nothing is posted")
    tenant, problem = _asked(f"{at} cin7", shop.cin7.me)
    if problem is not None:
        yield problem
    else:
        yield from tenant_rows(at, tenant, now)
        yield from _reference_rows(shop)
        yield from _cin7_webhooks(settings, shop)
    yield from _returngo(settings, shop)


def tenant_rows(at: str, tenant: Tenant, now: datetime) -> Iterator[Row]:
    """The company behind the keys, and whether its books are open today."""
    yield green(f"{at} cin7", f"{tenant.company}, {tenant.currency}, {tenant.time_zone}")
    if tenant.automatic_discounts:
        fix = "switch them off, or watch CN_DRIFT: Cin7 may discount documents by itself"
        yield amber(f"{at} automatic discounts", "are on", fix)
    try:
        today = now.astimezone(ZoneInfo(tenant.time_zone or "UTC")).date()
    except (ZoneInfoNotFoundError, ValueError):
        yield amber(f"{at} time zone", f"{tenant.time_zone!r} is not known here", "credit notes are dated in UTC")
        return
    if tenant.lock_date is None:
        yield green(f"{at} lock date", "none")
    elif tenant.lock_date >= today:
        fix = "credit notes get the first open day; move the lock date in Cin7 Core if that is not meant"
        yield amber(f"{at} lock date", f"{tenant.lock_date} is not before today ({today})", fix)
    elif tenant.lock_date + LOCK_NEAR >= today:
        yield amber(f"{at} lock date", f"{tenant.lock_date} is near", "returns of the closed days get a later date")
    else:
        yield green(f"{at} lock date", str(tenant.lock_date))


def location_rows(at: str, terms: Terms, locations: Iterable[Location]) -> Iterator[Row]:
    """Every location named in the terms exists and may hold goods."""
    known = {key.lower(): place for place in locations for key in (place.location_id, place.name)}
    named = [terms.sellable_location, terms.quarantine_location, *terms.sellable_locations]
    named += [*terms.portal_locations.values(), *(rule.location for rule in terms.dispositions)]
    for name in sorted(set(filter(None, named))):
        check = f"{at} location {name}"
        place = known.get(name.lower())
        if place is None:
            yield red(check, "not in Cin7 Core", _nearest(name, [p.name for p in known.values()]))
        elif unfit := [word for word in ("deprecated", "staging", "fixed_assets") if getattr(place, word)]:
            yield red(check, f"is {unfit[0].replace('_', ' ')}", "name a location that may hold goods")
        else:
            yield green(check, "exists")
    if not terms.sellable_location and terms.restock_owner is EffectOwner.RETURNLINE:
        yield amber(f"{at} location", "no sellable_location", f"set shops.{at}.terms.sellable_location")


def tax_rows(at: str, terms: Terms, rules: Iterable[TaxRule]) -> Iterator[Row]:
    """Tax rules named in the terms are active; inactive ones that sales may still carry have a successor."""
    known = {rule.name: rule for rule in rules}
    charges = [*terms.fees.values(), *terms.adjustments.values()]
    # "*" is no rule: it takes the rates of the credited lines.
    for name in sorted({*terms.tax_successors.values(), *(charge.tax_rule for charge in charges)} - {"*"}):
        check = f"{at} tax rule {name}"
        if name not in known:
            yield red(check, "not in Cin7 Core", _nearest(name, known))
        elif not known[name].active:
            yield red(check, "is inactive", "name an active one")
        else:
            yield green(check, "active")
    lost = [r.name for r in known.values() if not r.active and r.for_sale and r.name not in terms.tax_successors]
    if lost:
        fix = f"name their successors in shops.{at}.terms.tax_successors if sales carry them"
        yield amber(f"{at} tax rules", f"inactive, no successor: {', '.join(lost[:5])}", fix)


def account_rows(at: str, terms: Terms, accounts: Iterable[Account]) -> Iterator[Row]:
    """Accounts named in the terms are active; those that pay refunds may be used for payments."""
    known = {account.code: account for account in accounts}
    charges = [*terms.fees.values(), *terms.adjustments.values()]
    posted = {terms.write_off_account, *(c.account for c in charges), *(rule.account for rule in terms.dispositions)}
    paying = set(terms.refund_accounts.values())
    for code in sorted(filter(None, posted | paying)):
        check = f"{at} account {code}"
        if code not in known:
            yield red(check, "not in Cin7 Core", _nearest(code, known))
        elif not known[code].active:
            yield red(check, f"{known[code].name} is inactive", "name an active one")
        elif code in paying and not known[code].for_payments:
            yield red(
                check, f"{known[code].name} may not be used for payments", "allow it in Cin7 Core, or name another"
            )
        else:
            yield green(check, known[code].name)


def _reference_rows(shop: ShopParts) -> Iterator[Row]:
    books: tuple[tuple[str, Callable[[], Any], Callable[..., Iterator[Row]]], ...] = (
        ("locations", shop.cin7.locations, location_rows),
        ("tax rules", shop.cin7.tax_rules, tax_rows),
        ("accounts", shop.cin7.accounts, account_rows),
    )
    for name, ask, rows in books:
        found, problem = _asked(f"{shop.name} {name}", ask)
        if problem is not None:
            yield problem
        else:
            yield from rows(shop.name, shop.terms, found)


def _cin7_webhooks(settings: Settings, shop: ShopParts) -> Iterator[Row]:
    check = f"{shop.name} cin7 webhooks"
    address = hook_address(settings, "cin7", shop.name)
    if not address:
        yield amber(check, "not compared", "set ingress.public_url to our outside address")
        return
    found, problem = _asked(check, shop.cin7.webhooks)
    if problem is not None:
        yield problem
        return
    ours = [hook for hook in found if hook.url.startswith(address)]
    if asleep := sorted({hook.kind for hook in ours if not hook.active}):
        yield red(
            check, f"switched off: {', '.join(asleep)}", "see that the ingress can be reached, then switch them on"
        )
    if missing := [kind for kind in CIN7_EVENTS if plain(kind) not in {plain(hook.kind) for hook in ours}]:
        yield amber(
            check, f"none for {', '.join(missing)}", f"register them at {address}<token>/<type>; polling is slower"
        )
    if not asleep and not missing:
        yield green(check, f"{len(ours)} active, pointing here")
    yield from _stale_tokens(check, address, (hook.url for hook in ours), shop)


def _returngo(settings: Settings, shop: ShopParts) -> Iterator[Row]:
    check = f"{shop.name} returngo"
    found, problem = _asked(check, shop.returngo.webhooks)
    if problem is not None:
        yield problem
        return
    yield green(check, f"keys of {shop.shop.returngo.shop_name} accepted")
    address = hook_address(settings, "returngo", shop.name)
    if not address:
        yield amber(f"{check} webhooks", "not compared", "set ingress.public_url to our outside address")
        return
    ours = [hook for hook in found if hook.url.startswith(address)]
    if ours:
        yield green(f"{check} webhooks", f"{len(ours)} pointing here")
    else:
        yield amber(f"{check} webhooks", "none points here", f"register {address}<token>; polling is slower")
    yield from _stale_tokens(f"{check} webhooks", address, (hook.url for hook in ours), shop)


def hook_address(settings: Settings, source: str, shop: str) -> str:
    """Our outside address for one sender, up to the token; "" where `ingress.public_url` is not set."""
    base = settings.ingress.public_url.rstrip("/")
    return f"{base}/hooks/{source}/{shop}/" if base else ""


def _stale_tokens(check: str, address: str, urls: Iterable[str], shop: ShopParts) -> Iterator[Row]:
    """Never shows a URL: it holds a token."""
    hooks = shop.shop.hooks
    tokens = [url.removeprefix(address).split("/")[0] for url in urls]
    if any(token not in {hooks.token, hooks.previous_token} for token in tokens):
        yield red(check, "registered with a token we do not accept", "register them again with the present token")
    elif any(token != hooks.token for token in tokens):
        yield amber(check, "registered with the previous token", "register them again, then drop previous_token")


def _asked(check: str, ask: Callable[[], Any]) -> tuple[Any, Row | None]:
    try:
        return ask(), None
    except CredentialsRejected as error:
        return None, red(check, error.why, "correct the keys; the example environment names the variables")
    except WireError as error:
        return None, red(check, error.why, "try again; if it stays, look at base_url")
    except (QuotaWait, QuotaUnavailable) as error:
        return None, amber(check, f"no call slot free ({type(error).__name__})", "try again in a minute")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(dict.fromkeys(known)), n=1)
    return f"did you mean {near[0]!r}?" if near else "correct the name in the terms, or make it in Cin7 Core"

"""What no single key can say: settings that must fit each other."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.settings.environment import clashes
from pipeline.settings.values import Intervals, Settings, Shop
from pipeline.signature import secret_bytes
from schemas.terms import Disposition, EffectOwner, Terms


def broken_rules(settings: Settings) -> list[str]:
    """Returns one line per broken rule, naming the key and the fix."""
    problems = [*_intervals(settings.intervals), *clashes(settings.shops)]
    if settings.flower.enabled and len(settings.flower.password) < 8:
        problems.append("flower.password: shorter than 8 characters; set RETURNLINE_FLOWER_PASSWORD or turn flower off")
    for shop in settings.shops.values():
        problems += _shop(shop)
    return problems


def _intervals(i: Intervals) -> Iterator[str]:
    # A write may still land up to its deadline after we gave up on it, on either side of the wire.
    floors = (
        ("quiet_period", 2 * i.write_deadline, "more than twice write_deadline"),
        ("lease", i.write_deadline + i.read_deadline, "more than write_deadline + read_deadline"),
        ("task_soft_limit", i.quota_patience + i.write_deadline, "more than quota_patience + write_deadline"),
        ("task_limit", i.task_soft_limit, "more than task_soft_limit"),
    )
    for name, floor, rule in floors:
        if getattr(i, name) <= floor:
            yield f"intervals.{name}: {getattr(i, name):g} must be {rule} ({floor:g}); raise it"
    if i.visibility < 3 * i.task_limit:
        yield f"intervals.visibility: {i.visibility:g} must be at least three times task_limit ({3 * i.task_limit:g})"
    for low, high in (("park_min", "park_max"), ("availability_min", "availability_max")):
        if getattr(i, low) > getattr(i, high):
            yield f"intervals.{low}: {getattr(i, low):g} must not be more than {high} ({getattr(i, high):g}); lower it"
    if list(i.lookup_waits) != sorted(i.lookup_waits):
        yield "intervals.lookup_waits: must grow, such as [5, 15, 45]"


def _shop(shop: Shop) -> Iterator[str]:
    at = f"shops.{shop.name}"
    if shop.cin7.reserve + shop.cin7.margin >= shop.cin7.limit:
        yield f"{at}.cin7.reserve: reserve + margin must be less than limit ({shop.cin7.limit}); lower them"
    if bool(shop.hooks.basic_user) != bool(shop.hooks.basic_password):
        yield f"{at}.hooks.basic_user: needs basic_password too; set both or neither"
    for number, secret in enumerate(shop.hooks.hmac_secrets):
        try:
            secret_bytes(secret)
        except ValueError:
            yield f"{at}.hooks.hmac_secrets[{number}]: not readable; write it as issued, whsec_ and base64"
    if shop.terms.availability_target == "shopify" and shop.shopify is None:
        yield f"{at}.terms.availability_target: 'shopify' needs [{at}.shopify] with shop and access_token"
    yield from _terms(shop.terms, f"{at}.terms")
    yield from _availability(shop.terms, f"{at}.terms")


def _availability(terms: Terms, at: str) -> Iterator[str]:
    if terms.availability_target == "none":
        return
    places = terms.sellable_locations or tuple(filter(None, (terms.sellable_location,)))
    if not places:
        yield f"{at}.sellable_locations: empty, so there is nothing to show; name the locations that serve shoppers"
    quarantine = terms.quarantine_location.strip().casefold()
    if quarantine and quarantine in {place.strip().casefold() for place in places}:
        yield f"{at}.sellable_locations: {terms.quarantine_location!r} is the quarantine; goods there are not for sale"


def _terms(terms: Terms, at: str) -> Iterator[str]:
    if terms.refund_owner is EffectOwner.RETURNLINE and not terms.refund_accounts:
        yield f"{at}.refund_accounts: refund_owner is returnline, so refunds need one; set card, store_credit, bank"
    for number, rule in enumerate(terms.dispositions):
        here = f"{at}.dispositions[{number}]"
        if rule.disposition is Disposition.RESTOCK and not (rule.location or terms.sellable_location):
            yield f"{here}.location: a restock needs a place; set it here or set {at}.sellable_location"
        aside = rule.disposition in {Disposition.QUARANTINE, Disposition.WRITE_OFF}
        if aside and not (rule.location or terms.quarantine_location):
            yield f"{here}.location: {rule.disposition} needs a place; set it here or set {at}.quarantine_location"
        if rule.disposition is Disposition.WRITE_OFF and not (rule.account or terms.write_off_account):
            yield f"{here}.account: a write-off needs an account; set it here or set {at}.write_off_account"

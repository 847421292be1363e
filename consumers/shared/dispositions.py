"""What happens to the goods of a unit and where they go: the merchant's map of reason × finding, never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consumers.shared.gate import finding_of
from schemas.concerns import ConcernType
from schemas.returns import Unit
from schemas.sales import Location
from schemas.terms import Disposition, DispositionRule, Terms


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Why the goods have no place yet."""

    kind: ConcernType
    cause: str
    next_step: str


def rule_for(unit: Unit, terms: Terms) -> DispositionRule | None:
    """The first rule whose reason ("*" is any) and finding (None is any) fit the unit, or None."""
    finding = finding_of(unit)
    reason = unit.reason.strip().casefold()
    for rule in terms.dispositions:
        if rule.reason.strip().casefold() in {"*", reason} and rule.finding in {None, finding}:
            return rule
    return None


def unmapped(unit: Unit) -> Unplaced:
    """The exception of a unit that no rule fits."""
    reason, finding = unit.reason or "(no reason)", finding_of(unit).value
    return Unplaced(
        ConcernType.REASON_UNMAPPED,
        f"no rule says what to do with goods returned for {reason!r} and found {finding!r}",
        f"add a disposition for reason {reason!r} and finding {finding!r} to the shop's settings",
    )


def wanted_location(unit: Unit, rule: DispositionRule, terms: Terms) -> str | Unplaced | None:
    """The Cin7 location (name or GUID) the goods go back to; None where nothing is restocked."""
    if rule.disposition is Disposition.KEEP:
        return None
    if rule.disposition is Disposition.HOLD:
        step = "decide about the goods, then change the disposition or accept this"
        return Unplaced(ConcernType.ON_HOLD, f"goods returned for {unit.reason!r} are held for a decision", step)
    if rule.disposition is Disposition.RESTOCK:
        return _sellable(unit, rule, terms)
    return rule.location or terms.quarantine_location or _unset("quarantine_location")


def _sellable(unit: Unit, rule: DispositionRule, terms: Terms) -> str | Unplaced:
    portal = unit.inspection.location if unit.inspection else ""
    if not portal:
        return rule.location or terms.sellable_location or _unset("sellable_location")
    known = {name.strip().casefold(): place for name, place in terms.portal_locations.items()}
    mapped = known.get(portal.strip().casefold())
    if mapped:
        return mapped
    step = f"map portal location {portal!r} to a Cin7 location in the shop's settings"
    return Unplaced(ConcernType.LOCATION_UNMAPPED, f"portal location {portal!r} has no Cin7 location", step)


def _unset(setting: str) -> Unplaced:
    return Unplaced(
        ConcernType.LOCATION_UNMAPPED, f"the shop's {setting} is not set", f"set {setting} in the shop's settings"
    )


def checked_location(name: str, locations: Mapping[str, Location | None]) -> Location | Unplaced:
    """The location, if it exists and goods may be put there."""
    location = locations.get(name)
    if location is None:
        return _invalid(name, "does not exist in Cin7")
    for flag, words in (
        (location.deprecated, "is deprecated"),
        (location.staging, "is a staging location"),
        (location.fixed_assets, "is for fixed assets"),
    ):
        if flag:
            return _invalid(name, words)
    return location


def _invalid(name: str, words: str) -> Unplaced:
    step = "name another location in the shop's settings, or correct this one in Cin7"
    return Unplaced(ConcernType.LOCATION_INVALID, f"location {name!r} {words}", step)


def location_names(terms: Terms) -> tuple[str, ...]:
    """Every Cin7 location the merchant's map can lead to."""
    named = [terms.sellable_location, terms.quarantine_location, *terms.portal_locations.values()]
    return tuple(sorted({name for name in (*named, *(rule.location for rule in terms.dispositions)) if name}))

"""From ready units to credit notes: one per invoice, exact to 0.0001, with their restock lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from consumers.credit_notes.assembling import above_invoice, assemble
from consumers.credit_notes.checks import CHECKS, NOT_STOCK, credited_tax_rule, destined
from consumers.credit_notes.extras import Trouble, with_extras
from consumers.credit_notes.matter import Matter, Placed, hold
from consumers.credit_notes.native import credits_product, foreign
from consumers.credit_notes.placing import match, place, value
from consumers.credit_notes.remaining import left_over, note_name
from consumers.credit_notes.restock_lines import put_back
from consumers.shared.findings import DROP_SHIP
from consumers.shared.gate import UnitStanding
from consumers.shared.line_total_rule import sum_of
from consumers.shared.picks import PickPool
from consumers.shared.sku_match import SkuMatch
from consumers.shared.waits import HOUR, Held
from schemas.actions import PostCreditNote
from schemas.concerns import ConcernType
from schemas.money import Money
from schemas.returns import Unit
from schemas.sales import CreditNote

#: This long the note waits for the rest of the return; then it goes without it.
REST_OF_RETURN = timedelta(days=14)


def one_note_only(matter: Matter, planned: Draft, later: Sequence[Held]) -> Draft:
    """The draft as it may be posted: unchanged on an advanced sale, whole or not at all on a simple one."""
    if not matter.sale.simple or not planned.notes:
        return planned
    markers = [action.marker for action in planned.notes]
    others = [n for n in matter.sale.notes() if not any(marker in n.memo for marker in markers)]
    if others:
        names = ", ".join(note_name(note) for note in others)
        return _held(planned, [_already(one, matter, names) for one in planned.placed])
    rest = len(planned.held) + len(later)
    if rest and not _overdue(matter, planned.placed):
        reason = "simple sale holds one credit note; waiting for the rest of this return"
        return _held(planned, [Held(one.unit, reason, HOUR) for one in planned.placed])
    if rest:
        remark = f"posted without {rest} units that were not ready after {REST_OF_RETURN.days} days"
        return replace(planned, remarks=[*planned.remarks, remark])
    return planned


def _held(planned: Draft, held: list[Held]) -> Draft:
    return Draft(held=[*planned.held, *held])


def _already(one: Placed, matter: Matter, names: str) -> Held:
    cause = f"simple sale {matter.sale.order_number} already has its one credit note ({names})"
    step = (
        "convert the sale to Advanced in Cin7 (open the sale, then Convert to Advanced Sale); this continues by itself"
    )
    return hold(one, matter, ConcernType.SIMPLE_SALE_ALREADY_CREDITED, cause, step, notes=names)


def _overdue(matter: Matter, placed: Sequence[Placed]) -> bool:
    return matter.now - min(_ready_since(one, matter) for one in placed) > REST_OF_RETURN


def _ready_since(one: Placed, matter: Matter) -> datetime:
    return one.standing.since or matter.case.first_seen or matter.now


@dataclass(slots=True)
class Draft:
    """What came of it: the notes to post, the units on them, and the units that wait."""

    notes: list[PostCreditNote] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def draft(matter: Matter, ready: Sequence[UnitStanding], notes: Sequence[CreditNote]) -> Draft:
    """Plan the credit notes of the ready units beside the sale's counted `notes`."""
    result = Draft()
    placed = _without_lump_sums(matter, _placed(matter, ready, notes, result), result)
    for check in CHECKS:
        placed = _checked([(one, check(one, matter)) for one in placed], result)
    placed = _destined(matter, placed, result)
    pool = PickPool(matter.sale, notes)
    for _, group in groupby(placed, key=lambda one: one.sold.invoice.number):
        _note(matter, list(group), notes, pool, result)
    return _with_extras(matter, notes, result)


def _with_extras(matter: Matter, notes: Sequence[CreditNote], result: Draft) -> Draft:
    """The same notes with fees, shipping and adjustments. A note whose extras are in doubt waits with all its units."""
    while result.notes:
        found = with_extras(matter, result.notes, result.placed, notes)
        if not isinstance(found, Trouble):
            result.remarks += found[1]
            result.notes = found[0]
            break
        stopped = [note for note in result.notes if not found.units or found.units & set(note.units)]
        ids = {unit for note in stopped for unit in note.units}
        result.held += [
            hold(one, matter, found.kind, found.cause, found.next_step, **found.details)
            for one in result.placed
            if one.unit.returned_item_id in ids
        ]
        result.notes = [note for note in result.notes if note not in stopped]
        result.placed = [one for one in result.placed if one.unit.returned_item_id not in ids]
    return result


def _placed(matter: Matter, ready: Sequence[UnitStanding], notes: Sequence[CreditNote], result: Draft) -> list[Placed]:
    matches: dict[str, SkuMatch] = {}
    for standing in ready:
        found = match(standing.unit, matter)
        if isinstance(found, Held):
            result.held.append(found)
        else:
            matches[standing.unit.returned_item_id] = found
    known = [standing for standing in ready if _single(standing.unit, matches, matter, result)]
    placed, crowded = place(known, matches, left_over(matter.sale, notes, matter.rule), matter)
    valued, short = value(placed, matter)
    result.held += crowded + short
    return valued


def _single(unit: Unit, matches: dict[str, SkuMatch], matter: Matter, result: Draft) -> bool:
    """Whether the unit's product is known and no note from elsewhere credits it."""
    found = matches.get(unit.returned_item_id)
    same = [note for note in _others(matter) if found and credits_product(note, found.product_id)]
    if found and same:
        result.held.append(_duplicate(unit, found.sku, same))
    return found is not None and not same


def _checked(answers: Sequence[tuple[Placed, Held | None]], result: Draft) -> list[Placed]:
    result.held += [held for _, held in answers if held is not None]
    return [one for one, held in answers if held is None]


def _without_lump_sums(matter: Matter, placed: list[Placed], result: Draft) -> list[Placed]:
    """Hold everything where a note from elsewhere credits just this amount without naming lines."""
    worth = sum_of(one.worth(matter).amount for one in placed)
    slack = matter.terms.amount_tolerance
    lump = [note for note in _others(matter) if not note.lines and abs(note.total.amount - worth) <= slack]
    if not lump:
        return placed
    result.held += [_duplicate(one.unit, one.sold.line.sku, lump, one.worth(matter)) for one in placed]
    return []


def _others(matter: Matter) -> list[CreditNote]:
    if matter.accepted(ConcernType.NATIVE_DUPLICATE):
        return []
    return foreign(matter.sale, matter.case, matter.facts.claimed)


def _duplicate(unit: Unit, sku: str, same: Sequence[CreditNote], money: Money | None = None) -> Held:
    names = ", ".join(sorted({note_name(note) for note in same}))
    cause = f"credit note {names} was made outside Returnline and credits {sku} of this sale"
    step = "if it is for this return, it counts: reject the unit here; if it is for another, accept this to post"
    return Held(unit, cause, HOUR, ConcernType.NATIVE_DUPLICATE, step, money, {"notes": names})


def _destined(matter: Matter, placed: list[Placed], result: Draft) -> list[Placed]:
    kept: list[Placed] = []
    for one in placed:
        found = destined(one, matter)
        if isinstance(found, Held):
            result.held.append(found)
            continue
        result.remarks += _remarks(found, matter)
        kept.append(found)
    return kept


def _remarks(placed: Placed, matter: Matter) -> list[str]:
    line, remarks = placed.sold.line, []
    if placed.fate in {NOT_STOCK, DROP_SHIP}:
        remarks.append(f"{line.sku}: dropshipped or no stock item, so nothing is restocked")
    elif placed.unit.needs_shipment and not placed.standing.goods:
        remarks.append(f"{line.sku}: credited before its goods are there, so this note restocks nothing")
    if credited_tax_rule(line.tax_rule, matter) != line.tax_rule:
        remarks.append(f"{line.sku}: tax rule {line.tax_rule!r} is no longer active; its successor is used")
    return remarks


def _note(matter: Matter, group: list[Placed], notes: Sequence[CreditNote], pool: PickPool, result: Draft) -> None:
    back = put_back(matter, group, pool)
    result.held += back.held
    result.remarks += back.remarks
    if not back.units:
        return
    note = assemble(matter, back.units, back.lines)
    held = above_invoice(matter, back.units, note, notes, final=False)
    result.held += held
    if not held:
        result.notes.append(note)
        result.placed += back.units

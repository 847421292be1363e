"""Credit notes on the sale that are not ours, and those that are: how we recognise each."""

from __future__ import annotations

import re
from collections.abc import Iterable

from consumers.case import Case, Done
from consumers.posting_day import signature
from consumers.remaining import note_name
from schemas.actions import marker
from schemas.sales import CreditNote, Sale

_OUR_MARK = re.compile(r"\bRL-[0-9a-f]{12}\b")
_OVER = frozenset({"WITHDRAWN", "REJECTED"})


def ours(note: CreditNote, case: Case) -> bool:
    """Whether Returnline made the note, or this return already adopted it."""
    return bool(_OUR_MARK.search(note.memo)) or any(_traces(effect, note) for effect in case.effects)


def _traces(effect: Done, note: CreditNote) -> bool:
    if effect.kind != "credit" or effect.state in _OVER:
        return False
    if marker(effect.key) in note.memo:
        return True
    if effect.number:
        return effect.number == note.number
    return bool(effect.reference) and effect.reference == note.task_id


def foreign(sale: Sale, case: Case, claimed: frozenset[str]) -> list[CreditNote]:
    """The counted notes nobody here answers for. `claimed` are numbers or task ids that other returns adopted."""
    return [note for note in sale.notes() if stranger(note, case, claimed)]


def stranger(note: CreditNote, case: Case, claimed: frozenset[str]) -> bool:
    """Whether nobody here answers for the note: neither made by Returnline nor adopted."""
    return not ours(note, case) and not {note.number, note.task_id} & claimed


def settling_step(names: Iterable[str], sale: Sale, claimed: frozenset[str], otherwise: str) -> str:
    """What a person may do where these notes leave too little: only a note that nobody here answers for is ever named
    for voiding."""
    known = {note_name(note): note for note in sale.credit_notes}
    theirs = [
        name
        for name in dict.fromkeys(names)
        if (note := known.get(name)) and not _OUR_MARK.search(note.memo) and not {note.number, note.task_id} & claimed
    ]
    if theirs:
        return f"check {', '.join(theirs)}: void it where it is wrong, or {otherwise}"
    return f"compare the returns that the notes named are for, and {otherwise}"


def orphans(sale: Sale, case: Case) -> list[CreditNote]:
    """Counted notes that our memo ties to this return although no live effect knows them (a lost answer)."""
    mine = f"{signature(case.ret)} "
    return [
        note
        for note in sale.notes()
        if _OUR_MARK.search(note.memo) and mine in f"{note.memo} " and not any(_traces(e, note) for e in case.effects)
    ]


def vanished(sale: Sale, case: Case) -> list[Done]:
    """Confirmed effects whose note the sale no longer shows, not even voided: a stale answer, or it was deleted."""
    return [
        effect
        for effect in case.effects
        if effect.kind == "credit" and effect.confirmed and not any(_traces(effect, note) for note in sale.credit_notes)
    ]


def in_flight(case: Case) -> list[Done]:
    """Credit effects that may or may not have reached Cin7 yet. What a person discarded is waited for no longer."""
    over = _OVER | {"DISCARDED"}
    return [e for e in case.effects if e.kind == "credit" and not e.confirmed and e.state not in over]


def credits_product(note: CreditNote, product_id: str) -> bool:
    """Whether the note credits pieces of this product."""
    return any(line.product_id == product_id and line.quantity > 0 for line in note.lines)

"""Reading our credit notes back: changed or removed by hand, or doubled by somebody else after ours."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import sqlalchemy as sa
import structlog

from pipeline.calls.failures import NotFound
from pipeline.calls.quota import Priority
from pipeline.kill_points import reach
from pipeline.ledger import concerns, entries, note_checks, sales
from pipeline.ledger.note_checks import Kept
from pipeline.parts import Parts
from schemas.actions import PostCreditNote, marker
from schemas.concerns import Concern, ConcernType
from schemas.json.fields import SchemaInvalidError
from schemas.money import Money, total
from schemas.sales import AUTHORISED, NOTE_STATUSES, VOIDED, CreditNote, Sale
from schemas.terms import EffectOwner, Terms
from tasks.effects.note_digest import digest_of
from tasks.polls import polls

log = structlog.get_logger()
POLL = "cin7:drift"
RAISED_BY = "drift"
#: Sales read back in one round; the rest waits for the next.
ROUND = 20
_OUR_MARK = re.compile(r"\bRL-[0-9a-f]{12}\b")
_K = ConcernType


def look(parts: Parts, shop: str) -> None:
    """Compare the notes of every sale that Cin7 says has changed since, and each note once a day after its posting: one
    bulk call a sale."""
    with parts.ledger.read() as conn:
        due = note_checks.due(conn, shop, RAISED_BY, parts.clock(), ROUND, polls.listed_at(conn, shop))
    for sale_id, updated in due:
        try:
            sale = _read(parts, shop, sale_id)
        except SchemaInvalidError as error:
            log.warning("a sale does not read", shop=shop, sale=sale_id, why=str(error))
            continue
        reach("sweep.polled")
        with parts.ledger.write() as conn:
            woken = _keep(conn, parts, shop, sale_id, sale)
            note_checks.seen(conn, shop, sale_id, updated, parts.clock())
        for entry_id, consumer in woken:
            parts.hint_entry(entry_id, consumer)


def _read(parts: Parts, shop: str, sale_id: str) -> Sale | None:
    """The sale, or None where Cin7 says that there is none."""
    try:
        return parts.shop(shop).cin7.sale(sale_id, priority=Priority.BULK)
    except NotFound:
        return None


def _keep(conn: sa.Connection, parts: Parts, shop: str, sale_id: str, sale: Sale | None) -> list[tuple[int, str]]:
    """Write down what was seen; gives the entries that it concerns."""
    kept = note_checks.confirmed_notes(conn, shop, sale_id)
    terms = parts.shop(shop).terms
    claimed = sales.adopted_notes(conn, shop, sale_id)
    for one in kept:
        note = live_of(one, sale.credit_notes) if sale is not None else None
        if note is not None and not one.digest:
            note_checks.first_digest(conn, one.effect.effect_id, digest_of(note))
    turned = [one for one in kept if note_checks.keep_standing(conn, one.effect, _taken_back(one, sale))]
    found = findings(kept, sale, terms, claimed)
    for one in {one.effect.return_id: one for one in kept}.values():
        return_id = one.effect.return_id
        if return_id is None:
            continue
        silent = _told(conn, return_id, sale) | concerns.accepted(conn, return_id)
        mine = [concern for concern in found[one.rma] if concern.kind not in silent]
        concerns.sync(
            conn,
            shop,
            RAISED_BY,
            one.rma,
            mine,
            parts.clock(),
            return_id=return_id,
            owners=parts.shop(shop).terms.owners,
        )
    concerned = dict.fromkeys(one.effect.return_id for one in turned)
    return [woken for each in concerned if each for woken in entries.wake_return(conn, each, parts.clock())]


def _told(conn: sa.Connection, return_id: int, sale: Sale | None) -> frozenset[str]:
    """What others say about the return already. That its sale is voided or gone is also why its note is."""
    told = note_checks.told_elsewhere(conn, return_id, RAISED_BY)
    lost = sale is None or sale.voided
    return told | {_K.CN_DRIFT.value} if lost and told & {_K.SALE_VOIDED, _K.ORDER_NOT_FOUND} else told


def _taken_back(one: Kept, sale: Sale | None) -> str:
    """How a note that does not stand was seen; "" for one that does."""
    note = live_of(one, sale.credit_notes) if sale is not None else None
    if note is None:
        return "gone"
    return "" if note.status == AUTHORISED else note.status


def findings(
    kept: Sequence[Kept], sale: Sale | None, terms: Terms, claimed: frozenset[str]
) -> defaultdict[str, list[Concern]]:
    """What is wrong with these notes now, by RMA: at most one exception of a type for each."""
    found: defaultdict[str, list[Concern]] = defaultdict(list)
    for rma in dict.fromkeys(one.rma for one in kept):
        drifted = [concern for one in kept if one.rma == rma for concern in _drift(one, sale)]
        found[rma] += _merged(drifted)
    if sale is None or terms.credit_note_owner is EffectOwner.NATIVE:
        return found
    doubles: defaultdict[str, list[Concern]] = defaultdict(list)
    for note in sale.notes():
        victim = _doubled(note, kept, claimed)
        if victim is not None:
            doubles[victim.rma].append(_duplicate(note, victim))
    for rma, some in doubles.items():
        found[rma] += _merged(some)
    return found


def live_of(one: Kept, notes: Iterable[CreditNote]) -> CreditNote | None:
    """Our note as the sale shows it now: by number, by task, or by our mark; a standing one before a voided one."""
    mark = marker(one.effect.key)
    mine = [n for n in notes if n.real and _same(one, n, mark)]
    return min(mine, key=lambda note: note.status == VOIDED, default=None)


def _same(one: Kept, note: CreditNote, mark: str) -> bool:
    if one.number and note.number:
        return one.number == note.number or mark in note.memo
    return one.reference == note.task_id or mark in note.memo


def _drift(one: Kept, sale: Sale | None) -> list[Concern]:
    name = one.number or one.reference
    gross = Money(one.gross, one.currency) if one.gross is not None and one.currency else None
    if sale is None:
        return [_changed(one, f"The sale of credit note {name} is no longer in Cin7.", gross)]
    note = live_of(one, sale.credit_notes)
    if note is None:
        return [_changed(one, f"Credit note {name} is no longer on its sale.", gross)]
    if not NOTE_STATUSES.knows(note.status):
        cause = f"Credit note {name} is {note.status!r} in Cin7, a word we do not know."
        return [replace(_changed(one, cause, gross), kind=_K.UNKNOWN_STATUS)]
    if note.status != AUTHORISED:
        return [_changed(one, f"Credit note {name} was taken back by hand: it is {note.status}.", gross)]
    changes = _changes(one, note, gross)
    delta = abs(note.total - gross) if gross is not None and note.total.currency == gross.currency else gross
    return [_changed(one, f"Credit note {name} was changed by hand: {'; '.join(changes)}.", delta)] if changes else []


def _changes(one: Kept, note: CreditNote, gross: Money | None) -> list[str]:
    found: list[str] = []
    if one.digest and digest_of(note) != one.digest:
        found.append(_what(one, note, gross))
    if one.ours and marker(one.effect.key) not in note.memo:
        found.append("our mark is gone from its memo")
    restocked = one.effect.progress.get("restock_status") == AUTHORISED
    wanted = isinstance(one.effect.action, PostCreditNote) and bool(one.effect.action.restock)
    if restocked and wanted and note.restock_status and note.restock_status != AUTHORISED:
        found.append(f"its restock is {note.restock_status}, so the goods left stock again")
    return found


def _what(one: Kept, note: CreditNote, gross: Money | None) -> str:
    if gross is not None and note.total.currency == gross.currency and note.total.to_minor() != gross.to_minor():
        return f"it credits {note.total} instead of {gross}"
    action = one.effect.action
    if isinstance(action, PostCreditNote) and note.noted_on != action.noted_on:
        return f"it is dated {note.noted_on} instead of {action.noted_on}"
    return "its lines, charges or tax rules differ"


def _changed(one: Kept, cause: str, money: Money | None) -> Concern:
    step = "Find out who changed it and why; put it back in Cin7, or accept it with `returnline exceptions accept`."
    return Concern(_K.CN_DRIFT, cause, step, money, one.effect.action.units, {"note": one.number})


def _doubled(note: CreditNote, kept: Sequence[Kept], claimed: frozenset[str]) -> Kept | None:
    """The note of ours that this foreign one doubles: it names the same goods, or no goods and the same amount."""
    if _OUR_MARK.search(note.memo) or {note.number, note.task_id} & claimed:
        return None
    if any(one.number == note.number if one.number and note.number else one.reference == note.task_id for one in kept):
        return None
    overlapping = [one for one in kept if one.ours and _overlaps(note, one)]
    equal = [one for one in overlapping if one.gross == note.total.amount]
    return next(reversed(equal or overlapping), None)


def _overlaps(note: CreditNote, one: Kept) -> bool:
    action = one.effect.action
    if not isinstance(action, PostCreditNote):
        return False
    if not note.lines:
        return one.gross is not None and abs(note.total.amount - one.gross) < 1
    return bool({x.product_id for x in note.lines} & {x.product_id for x in action.lines})


def _duplicate(note: CreditNote, victim: Kept) -> Concern:
    name = note.number or note.task_id
    return Concern(
        _K.NATIVE_DUPLICATE,
        f"Credit note {name} over {note.total} was made outside Returnline on the sale that {victim.number} credits, "
        "for the same goods.",
        f"Void {name} or {victim.number} in Cin7, whichever is wrong; if both are right, accept this with "
        "`returnline exceptions accept`. Switch off refunds in Cin7's own channel if it keeps happening.",
        note.total,
        victim.effect.action.units,
        {"note": name, "ours": victim.number, "priority": "highest"},
    )


def _merged(some: Sequence[Concern]) -> list[Concern]:
    """One exception of a kind for a return, whatever number of notes it is about."""
    if len(some) < 2:
        return list(some)
    money = [concern.money for concern in some if concern.money is not None]
    one_currency = len({amount.currency for amount in money}) == 1
    first = some[0]
    units = tuple(dict.fromkeys(unit for concern in some for unit in concern.units))
    worth = total(money, money[0].currency) if one_currency else None
    return [Concern(first.kind, " ".join(c.cause for c in some), first.next_step, worth, units, first.details)]

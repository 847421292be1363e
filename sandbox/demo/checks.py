"""What must be true in the evening. The expectations are the day's own arithmetic and the practice world's books."""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.demo.day.arithmetic import Amounts, entitlements, moved_accounts, moved_stock
from sandbox.demo.day.words import Ending
from sandbox.demo.document_checks import DOCUMENT_CHECKS
from sandbox.demo.evening import MARK, Note, fingerprint
from sandbox.demo.facts import Facts, Verdict

WINDOW_SECONDS = 60.0
#: A share of a line may differ in its fourth decimal, by which of two returns came first.
LAST_PLACE = Decimal("0.0001")
CENT = Decimal("0.01")
#: Writes of documents that carry a mark of ours which the books show.
_MARKED = re.compile("creditnote|writeoff|payment", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be true, and what was found."""

    name: str
    passed: bool
    found: str


def run_checks(facts: Facts) -> list[Check]:
    """Every check, in the order a reader wants them."""
    return [Check(name, not wrong, _said(wrong) or said) for name, (wrong, said) in _all(facts)]


def _all(facts: Facts) -> Iterator[tuple[str, Verdict]]:
    questions: tuple[tuple[str, Callable[[Facts], Verdict]], ...] = (
        ("every accepted event is accounted for", _accounted),
        ("one credit note for each return, under its own mark", _one_note_each),
        ("each return was credited what it was entitled to", _entitled_each),
        ("credit totals equal the entitlement, per currency and tax rule", _totals),
        ("stock on hand moved by exactly the restocked pieces", _stock),
        ("the books balance, and moved by exactly this day", _trial_balance),
        *DOCUMENT_CHECKS,
        ("what must wait waits, with the right exception, and nothing else", _waiting),
        ("what waited for a person went on by itself", _went_on),
        ("nothing is left uncertain, and no draft note is left behind", _nothing_open),
        ("sales without a return were left alone", _left_alone),
        ("the unreadable delivery lies in the dead letters", _dead_letter),
        ("every fault of the day struck", _faults),
        ("an outage of writes buried nothing, and what it kept back was written once after it", _write_outage),
        ("never more calls than the quota in any 60 seconds", _quota),
        ("no throttled call but the ones ordered", _throttled),
    )
    for name, question in questions:
        yield name, question(facts)


def _said(wrong: list[str]) -> str:
    more = f"; and {len(wrong) - 4} more" if len(wrong) > 4 else ""
    return "; ".join(wrong[:4]) + more


def _accounted(facts: Facts) -> Verdict:
    evening = facts.evening
    accepted, written = len(evening.accepted), len(evening.bodies)
    known = {fingerprint(body) for body in evening.bodies}
    lost = [body for body in evening.accepted if body is not None and fingerprint(body) not in known]
    wrong = [f"accepted, but nowhere in the ledger: {body.decode()[:80]}" for body in lost]
    if accepted != written + evening.coalesced:
        wrong.append(f"{accepted} accepted, but {written} written down and {evening.coalesced} joined")
    joined = f" + {evening.coalesced} that joined an identical one still waiting"
    return wrong, f"{accepted} accepted = {written} in the ledger{joined}"


def _one_note_each(facts: Facts) -> Verdict:
    wrong = []
    for one in facts.day.returns:
        numbers = [note.number for note in facts.notes_of(one.name)]
        if len(numbers) != (one.ending is Ending.CREDITED):
            wrong.append(f"{one.order_name} ({one.name}) has {len(numbers)} notes {', '.join(numbers)}")
    marks = Counter(note.mark for note in facts.standing if note.mark)
    wrong += [f"mark {mark} stands on {count} notes" for mark, count in marks.items() if count > 1]
    strange = [note for note in facts.standing if not note.mark and note.sale_id not in facts.native_sales]
    wrong += [f"note {note.number} carries no mark of ours" for note in strange]
    return wrong, f"{len(facts.standing)} notes, {len(marks)} marks"


def _entitled_each(facts: Facts) -> Verdict:
    wrong = []
    for name, entitled in entitlements(facts.day).items():
        found = _by_rule(facts.notes_of(name))
        for rule in {*found, *entitled.amounts}:
            has, due = found.get(rule, Amounts()), entitled.amounts.get(rule, Amounts())
            if not _near(has, due, LAST_PLACE * 2 * entitled.lines):
                wrong.append(f"{name}: {rule} {has.gross} credited, {due.gross} due")
    return wrong, f"{len(entitlements(facts.day))} returns"


def _near(one: Amounts, other: Amounts, tolerance: Decimal) -> bool:
    return abs(one.net - other.net) <= tolerance and abs(one.tax - other.tax) <= tolerance


def _by_rule(notes: Iterable[Note]) -> dict[str, Amounts]:
    found: defaultdict[str, Amounts] = defaultdict(Amounts)
    for note in notes:
        for rule, amounts in note.by_rule.items():
            found[rule] += amounts
    return dict(found)


@dataclass(frozen=True, slots=True)
class Total:
    """Credited and due, for one currency and tax rule."""

    currency: str
    tax_rule: str
    credited: Amounts
    due: Amounts
    lines: int

    @property
    def agrees(self) -> bool:
        """Equal but for the last place of each line."""
        return _near(self.credited, self.due, LAST_PLACE * max(self.lines, 1))


def totals(facts: Facts) -> list[Total]:
    """Credited against due, per currency and tax rule; authorised notes of anybody count."""
    due: defaultdict[tuple[str, str], Amounts] = defaultdict(Amounts)
    lines: Counter[tuple[str, str]] = Counter()
    for entitled in entitlements(facts.day).values():
        for rule, amounts in entitled.amounts.items():
            due[entitled.currency, rule] += amounts
            lines[entitled.currency, rule] += entitled.lines
    found: defaultdict[tuple[str, str], Amounts] = defaultdict(Amounts)
    for note in facts.evening.notes:
        for rule, amounts in note.by_rule.items() if note.status == "AUTHORISED" else ():
            found[note.currency, rule] += amounts
    cells = sorted({*due, *found})
    return [Total(*cell, found.get(cell, Amounts()), due.get(cell, Amounts()), lines[cell]) for cell in cells]


def _totals(facts: Facts) -> Verdict:
    all_totals = totals(facts)
    wrong = [
        f"{one.currency} {one.tax_rule}: {one.credited.gross} credited, {one.due.gross} due"
        for one in all_totals
        if not one.agrees
    ]
    return wrong, f"{len(all_totals)} totals"


def _stock(facts: Facts) -> Verdict:
    before, after, due = facts.morning.stock, facts.evening.stock, moved_stock(facts.day)
    wrong = []
    for place in sorted({*before, *after, *due}):
        moved = after.get(place, Decimal(0)) - before.get(place, Decimal(0))
        if moved != due.get(place, 0):
            wrong.append(f"{place[0]} in {place[1]}: moved by {moved:f}, not {due.get(place, 0)}")
    return wrong, f"{sum(due.values())} pieces back, in {len(due)} places"


def _trial_balance(facts: Facts) -> Verdict:
    before, after = facts.morning.accounts, facts.evening.accounts
    due = moved_accounts(facts.day, facts.morning.costs)
    wrong = [f"debits and credits differ by {total:f}"] if (total := sum(after.values(), Decimal(0))) else []
    for account in sorted({*before, *after, *due}):
        moved = after.get(account, Decimal(0)) - before.get(account, Decimal(0))
        if abs(moved - due.get(account, Decimal(0))) >= CENT:
            wrong.append(f"account {account} moved by {moved:f}, not {due.get(account, Decimal(0)):f}")
    return wrong, f"sum 0; sales {due['200']:.2f}, tax {due['820']:.2f}, stock {due['630']:.2f} in base currency"


def _waiting(facts: Facts) -> Verdict:
    wrong, waiting = [], 0
    for one in facts.day.returns:
        expected = {one.waits_for} if one.ending is Ending.WAITS else set()
        found = set(facts.evening.view.of(facts.rma_ids[one.name]).open)
        waiting += bool(expected)
        if found != expected:
            wrong.append(f"{one.order_name} ({one.name}) shows {_names(found)}, not {_names(expected)}")
    return wrong, f"{waiting} waiting"


def _names(types: set[str]) -> str:
    return ", ".join(sorted(types)) or "no exception"


def _went_on(facts: Facts) -> Verdict:
    helped = [one for one in facts.day.returns if one.ending is Ending.CREDITED and one.waits_for]
    wrong = [
        f"{one.order_name} ({one.name}) never showed {one.waits_for}"
        for one in helped
        if one.waits_for not in facts.evening.view.of(facts.rma_ids[one.name]).seen
    ]
    wrong += [f"{one.order_name} ({one.name}) did not go on" for one in helped if not facts.notes_of(one.name)]
    return wrong, f"{len(helped)} waited and went on" if helped else "none had to wait in so short a day"


def _nothing_open(facts: Facts) -> Verdict:
    wrong = [f"note {note.number or 'without number'} is a draft" for note in facts.standing if note.status == "DRAFT"]
    if facts.evening.view.undecided:
        wrong.append(f"{facts.evening.view.undecided} effects are neither done nor given up")
    if facts.evening.view.unseen:
        wrong.append(f"{facts.evening.view.unseen} entries were never looked at")
    return wrong, "0 uncertain, 0 drafts"


def _left_alone(facts: Facts) -> Verdict:
    returned = {one.order_name for one in facts.day.returns}
    strangers = {facts.sale_ids[sale.order_name]: sale.order_name for sale in facts.day.sales}
    strangers = {sale_id: order for sale_id, order in strangers.items() if order not in returned}
    wrong = [
        f"{strangers[note.sale_id]} has note {note.number}" for note in facts.standing if note.sale_id in strangers
    ]
    return wrong, f"{len(strangers)} sales"


def _dead_letter(facts: Facts) -> Verdict:
    buried = facts.evening.view.buried
    wrong = [] if buried.get("intake", 0) == facts.stray else [f"{buried.get('intake', 0)} there, {facts.stray} sent"]
    wrong += [f"{count} in {queue}" for queue, count in buried.items() if queue != "intake"]
    return wrong, f"{facts.stray} with its original bytes"


def _faults(facts: Facts) -> Verdict:
    wrong = [
        f"{rule['kind']} on {rule['path']} struck {rule['fired']} of {rule['times']} times"
        for rule in facts.evening.faults
        if rule["fired"] != rule["times"] and not (rule["lasts"] and rule["fired"])
    ]
    return wrong, ", ".join(f"{rule['fired']} x {_fault(rule)}" for rule in facts.evening.faults)


def _write_outage(facts: Facts) -> Verdict:
    rules = {rule["id"] for rule in facts.evening.faults if rule["lasts"]}
    refused = [call for call in facts.evening.calls if call["rule"] in rules]
    written = Counter(note.mark for note in facts.standing)
    written.update(one.mark for one in facts.evening.write_offs)
    written.update(one.mark for one in facts.evening.payments)
    marks = {mark for call in refused if _MARKED.search(call["path"]) for mark in MARK.findall(call["body"])}
    wrong = [f"{written[mark]} documents carry mark {mark}" for mark in sorted(marks) if written[mark] != 1]
    buried = {queue: count for queue, count in facts.evening.view.buried.items() if queue != "intake"}
    wrong += [f"{count} buried in {queue}" for queue, count in buried.items() if rules]
    return wrong, f"{len(refused)} writes refused, {len(marks)} documents" if rules else "none in so short a day"


def _fault(rule: dict[str, Any]) -> str:
    words = {
        "timeout_after": "time-out after the work was done",
        "status_before": f"{rule['status']} without the work",
        "status_after": f"{rule['status']} after the work was done",
        "throttle": "throttle answer",
    }
    return f"{words.get(rule['kind'], rule['kind'])} ({rule['system']})"


def _quota(facts: Facts) -> Verdict:
    keys: defaultdict[str, list[float]] = defaultdict(list)
    for call in facts.evening.calls:
        if call["system"] == "cin7":
            keys[call.get("caller", "")].append(call["monotonic"])
    peak = max((busiest(moments) for moments in keys.values()), default=0)
    wrong = [f"{peak} calls, {facts.quota} allowed"] if peak > facts.quota else []
    return wrong, f"at most {peak} of {facts.quota} with one application key"


def busiest(moments: Iterable[float]) -> int:
    """The most calls in any window of 60 seconds."""
    window: deque[float] = deque()
    peak = 0
    for moment in sorted(moments):
        window.append(moment)
        while window[0] <= moment - WINDOW_SECONDS:
            window.popleft()
        peak = max(peak, len(window))
    return peak


def _throttled(facts: Facts) -> Verdict:
    refused: list[dict[str, Any]] = [call for call in facts.evening.calls if call["throttled"]]
    wrong = [f"{call['method']} {call['path']} was throttled" for call in refused if call["fault"] != "throttle"]
    return wrong, f"{len(refused)} ordered"

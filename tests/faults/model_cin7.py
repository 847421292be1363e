"""Cin7 as an adversary: commits late or not at all, forgets to answer, shows old books.

The real provider code asks it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pipeline.calls.failures import NotSent, Rejected, Throttled, Unavailable, Uncertain
from pipeline.calls.quota import Priority, QuotaWait
from pipeline.ledger.effects import EffectRow
from schemas.actions import PostCreditNote, business_key
from schemas.money import Money
from schemas.sales import AUTHORISED, DRAFT, CreditNote, DocumentLine
from tasks.effects.protocol import LaterError

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
SALE = "sale-1"
#: Seconds after its start at which a write may still commit, and by which a look-up may be behind. Together they stay
#: below the quiet period, less the time until a send must have begun: the bound under which the protocol promises.
LATEST_COMMIT, STALEST = 35.0, 25.0

DRAFTED, DIRECT, SIMPLE = "drafted", "direct", "simple"
STYLES = (DRAFTED, DIRECT, SIMPLE)
#: What goes wrong every time until the end of a run: (status of the write, its fate).
CURSES = (
    *[("", "")] * 12,
    ("AUTHORISED", "lost"),
    ("DRAFT", "lost"),
    ("AUTHORISED", "unanswered"),
    ("DRAFT", "unanswered"),
    ("AUTHORISED", "ignored"),
)


@dataclass
class ModelOutages:
    """What other writes meet, as an adversary tells it: while calls may go wrong, an outage now and then holds a write
    up and takes the blame for any doubt, so that a step is sent again and again."""

    rng: random.Random
    cin7: ModelCin7
    #: How often it blames an outage while things go wrong.
    blames: float = 0.5

    def held(self, row: EffectRow) -> LaterError | None:
        """Why and how long a write waits."""
        return LaterError(9.0, "stopped") if self.cin7.faulty and self.rng.random() < 0.1 else None

    def met(self, row: EffectRow, failure: Exception | None) -> None:
        """Nothing is learned from it."""

    def shared(self, row: EffectRow) -> bool:
        """Whether an outage is to blame."""
        return self.cin7.faulty and self.rng.random() < self.blames


def gbp(amount: str) -> Money:
    return Money(Decimal(amount), "GBP")


_LINE = DocumentLine("p-1", "TEE", "Tee", Decimal(1), gbp("30"), Decimal(0), gbp("5"), gbp("30"), "20%", "200")


def an_action(style: str, unit: str) -> PostCreditNote:
    """A credit note for one unit of one return."""
    return PostCreditNote(
        key=business_key("alder", "55", "credit", [unit]),
        sale_id=SALE,
        units=(unit,),
        task_id=SALE if style == SIMPLE else ZERO_GUID,
        simple=style == SIMPLE,
        invoice_number="INV-1",
        memo="return",
        noted_on=date(2026, 3, 1),
        rate=Decimal(1),
        lines=(_LINE,),
        charges=(),
        restock=(),
        net=gbp("25"),
        tax=gbp("5"),
        gross=gbp("30"),
        tax_inclusive=True,
        direct=style == DIRECT,
    )


@dataclass
class Document:
    """One credit note with the moments at which its status became what."""

    task_id: str
    memo: str
    history: list[tuple[datetime, str]]

    @property
    def status(self) -> str:
        return self.history[-1][1]

    def status_at(self, moment: datetime) -> str | None:
        return next((status for at, status in reversed(self.history) if at <= moment), None)


@dataclass
class ModelCin7:
    """The books of one sale. `faulty` says whether calls may go wrong now."""

    rng: random.Random
    simple: bool
    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    faulty: bool = True
    curse: tuple[str, str] = ("", "")
    documents: list[Document] = field(default_factory=list)
    late: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def forward(self, seconds: float) -> None:
        """Let time pass; what was to commit meanwhile commits."""
        until = self.now + timedelta(seconds=seconds)
        for moment, commit in sorted((one for one in self.late if one[0] <= until), key=lambda one: one[0]):
            self.now = max(self.now, moment)
            commit()
        self.late = [one for one in self.late if one[0] > until]
        self.now = until

    def authorised(self, marker: str) -> list[Document]:
        return [doc for doc in self.documents if marker in doc.memo and doc.status == AUTHORISED]

    # -- what `pipeline.cin7.Cin7` offers -----------------------------------------------------------------------------

    def credit_notes(self, *_: object, **__: object) -> tuple[CreditNote, ...]:
        chance = self.rng.random() if self.faulty else 1.0
        if chance < 0.10:
            self._say("look-up refused")
            raise Unavailable("502") if chance < 0.07 else QuotaWait(3.0)
        behind = self.rng.uniform(0, STALEST) if self.faulty and chance < 0.55 else 0.0
        seen = self.now - timedelta(seconds=behind)
        self._say(f"look-up as of {behind:.0f} s ago")
        return tuple(self._note(doc, status) for doc in self.documents if (status := doc.status_at(seen)))

    def post_credit_note(
        self, body: Mapping[str, Any], *_: object, priority: Priority, **__: object
    ) -> tuple[CreditNote, ...]:
        fate = self._fate() if self.faulty else "ok"
        fate = self.curse[1] if self.curse[0] == body["Status"] else fate
        self._say(f"POST {body['Status']} of {str(body['TaskID'])[-6:]}: {fate}")
        before: dict[str, Exception] = {
            "throttled": Throttled(7.0),
            "not sent": NotSent("refused"),
            "no slot": QuotaWait(4.0),
            "rejected": Rejected(400, ("Locked",)),
            "lost": Uncertain("timeout before the commit"),
        }
        if fate in before:
            raise before[fate]
        if fate == "late":
            moment = self.now + timedelta(seconds=self.rng.uniform(0, LATEST_COMMIT))
            self.late.append((moment, lambda: self._commit_late(body)))
            raise Uncertain("timeout before a late commit")
        if fate != "ignored" or not self._knows(body):
            self._commit(body)
        if fate == "unanswered":
            raise Uncertain("timeout after the commit")
        return tuple(self._note(doc, doc.status) for doc in self.documents)

    def _fate(self) -> str:
        fates = {
            "ok": 40,
            "unanswered": 16,
            "late": 16,
            "lost": 10,
            "throttled": 5,
            "not sent": 4,
            "no slot": 4,
            "rejected": 2,
            "ignored": 2,
        }
        return self.rng.choices(list(fates), list(fates.values()))[0]

    def _knows(self, body: Mapping[str, Any]) -> bool:
        """A 200 proves nothing: a change of a document that is there may be dropped without a word."""
        return any(doc.task_id == body["TaskID"] for doc in self.documents)

    # -- the books ----------------------------------------------------------------------------------------------------

    def _commit_late(self, body: Mapping[str, Any]) -> None:
        try:
            self._commit(body)
        except Rejected:
            self._say("the late commit was refused")

    def _commit(self, body: Mapping[str, Any]) -> None:
        task_id, status = str(body["TaskID"]), str(body["Status"])
        doc = next((one for one in self.documents if one.task_id == task_id), None)
        if doc is None and task_id not in {ZERO_GUID, SALE}:
            raise Rejected(404, ("no such credit note",))
        if doc is None:
            name = SALE if self.simple else f"task-{len(self.documents) + 1}"
            self.documents.append(Document(name, str(body["Memo"]), [(self.now, status)]))
            self._say(f"{name} is {status}")
            return
        if doc.status != DRAFT:
            raise Rejected(400, (f"Credit note can't be changed. Status is {doc.status}",))
        doc.history.append((self.now, status))
        self._say(f"{doc.task_id} is {status}")

    def _note(self, doc: Document, status: str) -> CreditNote:
        note = CreditNote(
            doc.task_id,
            f"CR-{doc.task_id}",
            "INV-1",
            doc.memo,
            status,
            date(2026, 3, 1),
            Decimal(1),
            (_LINE,),
            (),
            (),
            gbp("25"),
            gbp("5"),
            gbp("30"),
        )
        return replace(note)

    def _say(self, what: str) -> None:
        self.log.append(f"{self.now:%H:%M:%S} cin7: {what}")

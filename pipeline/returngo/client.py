"""ReturnGO over HTTP. Source: ReturnGO's published schema; what it leaves open is handled by trying and remembering."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from pipeline.calls.call import EXCERPT, Answer, Caller, Http, Observer, Outgoing, unreadable
from pipeline.calls.failures import (
    AnotherDocument,
    BadAnswer,
    CredentialsRejected,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
    Uncertain,
)
from pipeline.calls.quota import Gate, Priority
from schemas.json.fields import SchemaInvalidError, dumps, parse
from schemas.returngo import rmas
from schemas.returngo.rmas import RmaSummary, WebhookRegistration
from schemas.returns import KNOWN_STATUSES, Return, Shipment, Transaction

T = TypeVar("T")

MOST_PAGES = 500
_TEXT_KEYS = ("message", "error", "errorMessage", "Message", "errors")
COMMENT_FIELDS = ("htmlText", "comment")


@dataclass(frozen=True, slots=True)
class ReturnGoAccess:
    """What opens one ReturnGO shop. `comment_field` "" learns by trying. Deadlines in seconds for a whole call."""

    base_url: str
    shop_name: str
    api_key: str = field(repr=False)
    comment_field: str = ""
    read_deadline: float = 30.0
    write_deadline: float = 30.0
    patience: float = 5.0


def _now() -> datetime:
    return datetime.now(UTC)


class ReturnGo:
    """One shop. Every call takes one call of the day and is told to `observe` once for each HTTP attempt.

    All raise QuotaWait or QuotaUnavailable before anything is sent, and the failures of `pipeline.failures` after.
    """

    def __init__(
        self,
        access: ReturnGoAccess,
        quota: Gate,
        http: Http | None = None,
        observe: Observer | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.access = access
        self._comment_field = access.comment_field
        self._wire = Caller(
            system="returngo",
            base_url=access.base_url,
            headers={
                "x-api-key": access.api_key,
                "x-shop-name": access.shop_name,
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            http=http or Http(),
            gate=quota,
            judge=judge,
            observe=observe,
            clock=clock,
            read_deadline=access.read_deadline,
            write_deadline=access.write_deadline,
            patience=access.patience,
            secrets=(access.api_key,),
        )

    def return_(self, rma_id: str, *, priority: Priority = Priority.MONEY) -> tuple[Return, dict[str, Any]]:
        """One RMA, and its body without personal data for the ledger. Raises NotFound where there is none."""
        return self._get(f"rma/{_segment(rma_id)}", (), priority, lambda data: _own(data, rma_id))

    def summaries(
        self,
        statuses: Iterable[str],
        updated_since: datetime | None = None,
        pagesize: int = 500,
        *,
        priority: Priority = Priority.BULK,
    ) -> Iterator[tuple[RmaSummary, ...]]:
        """Every page of the RMAs in these statuses. `updated_since` does not see receipts or refunds (measured)."""
        wanted = tuple(statuses)
        params = [("status", ",".join(wanted)), ("sort_by", "+rma_created_at")]
        if updated_since is not None:
            params.append(("rma_updated_at", f"gte:{naive_utc(updated_since)}"))
        cursor = ""
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            page = self._get("rmas", _paged(params, pagesize, cursor), priority, rmas.read_rma_list)
            _insist_statuses(page.rows, wanted)
            if page.rows:
                yield page.rows
            cursor = page.next_cursor
            if not cursor or not page.rows:
                return
            _insist_new(cursor, seen)
        raise BadAnswer(f"the RMA list has more than {MOST_PAGES} pages")

    def transactions(
        self, updated_since: datetime | None = None, rma_ids: Iterable[str] = (), *, priority: Priority = Priority.BULK
    ) -> tuple[Transaction, ...]:
        """Every transaction touched since, or of these RMAs. Rows carry no RMA: join by `unit_ids`."""
        params: list[tuple[str, str]] = []
        if updated_since is not None:
            params.append(("updated_at", f"gte:{naive_utc(updated_since)}"))
        ids = ",".join(rma_ids)
        if ids:
            params.append(("rma_ids", ids))
        found: dict[str, Transaction] = {}
        cursor = ""
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            page = self._get("transactions", _paged(params, 500, cursor), priority, rmas.read_transactions)
            found |= {row.transaction_id: row for row in page.rows}
            cursor = page.next_cursor
            if not cursor or not page.rows:
                return tuple(found.values())
            _insist_new(cursor, seen)
        raise BadAnswer(f"the transaction list has more than {MOST_PAGES} pages")

    def commented(self, rma_id: str, text: str, *, priority: Priority = Priority.MONEY) -> bool:
        """Whether a comment on the RMA's timeline holds this text. Raises NotFound where there is no such RMA."""
        return self._get(f"rma/{_segment(rma_id)}", (), priority, lambda data: _says(data, rma_id, text))

    def comment(self, rma_id: str, text: str, *, priority: Priority = Priority.MONEY) -> None:
        """Write on the RMA's timeline. The field's name is disputed: a refused body is tried once with the other.

        A refused comment was not written, so trying again cannot double it. Raises the failures of a write.
        """
        path = f"rma/{_segment(rma_id)}/comment"
        first = self._comment_field or COMMENT_FIELDS[0]
        try:
            self._write("POST", path, {first: text}, priority, _nothing)
        except Rejected as refusal:
            if self._comment_field or refusal.status not in {400, 422}:
                raise
            first = COMMENT_FIELDS[1]
            self._write("POST", path, {first: text}, priority, _nothing)
        self._comment_field = first

    def set_shipment(self, shipment_id: str, status: str, *, priority: Priority = Priority.MONEY) -> Shipment:
        """Set a parcel's status; Received moves the RMA to Received (measured). Raises the failures of a write."""
        path = f"shipment/{_segment(shipment_id)}"
        return self._write("PUT", path, {"status": status}, priority, rmas.read_shipment)

    def webhooks(self, *, priority: Priority = Priority.BULK) -> tuple[WebhookRegistration, ...]:
        """The webhook registrations; also the cheapest proof that the key is good."""
        return self._get("webhooks", (), priority, rmas.read_webhooks)

    def register_webhook(self, url: str, event: str, *, priority: Priority = Priority.BULK) -> None:
        """Register one event for one URL. Raises the failures of a write."""
        self._write("POST", "webhook", {"url": url, "eventName": event}, priority, _nothing, secret=True)

    def _get(self, path: str, params: tuple[tuple[str, str], ...], priority: Priority, read: Callable[[Any], T]) -> T:
        return self._wire.send(Outgoing("GET", path, priority, params), read)

    def _write(
        self,
        method: str,
        path: str,
        body: dict[str, Any],
        priority: Priority,
        read: Callable[[Any], T],
        *,
        secret: bool = False,
    ) -> T:
        return self._wire.send(Outgoing(method, path, priority, body=dumps(body), secret_body=secret), read)


def _nothing(_: Any) -> None:
    """The reading of an answer whose shape is not published."""


def judge(outgoing: Outgoing, answer: Answer) -> Any:
    """The parsed body of a believable answer; no error shape is published, so any readable text will do."""
    if 200 <= answer.status < 300:
        return _believe(outgoing, answer)
    status, excerpt, told = answer.status, answer.text[:EXCERPT], _told(answer)
    if status == 429:
        raise Throttled(_retry_after(answer), told or "too many requests")
    if status in {401, 403}:
        raise CredentialsRejected(f"status {status}: the API key or shop name is not accepted", excerpt)
    # Its refusals may come without a body; a page of HTML is some proxy's and says nothing.
    if status == 404 and not _is_html(answer):
        raise NotFound(told or "no such document", excerpt)
    if 400 <= status < 500 and status not in {408, 425} and not _is_html(answer):
        raise Rejected(status, (told or "no reason given",), excerpt)
    raise Uncertain(f"status {status}", excerpt) if outgoing.writes else Unavailable(f"status {status}", excerpt)


def _is_html(answer: Answer) -> bool:
    return answer.body.lstrip()[:1] == b"<"


def _believe(outgoing: Outgoing, answer: Answer) -> Any:
    try:
        # A comment's answer is not published; an empty 2xx is a yes there, never for what we read.
        if outgoing.writes and outgoing.method == "POST" and not answer.body.strip():
            return {}
        return parse(answer.body, unique_keys=False)
    except SchemaInvalidError as problem:
        raise unreadable(outgoing, answer, str(problem)) from None


def _told(answer: Answer) -> str:
    text = " ".join(answer.text.split())
    try:
        value = parse(answer.body, unique_keys=False)
    except SchemaInvalidError:
        return text[:300]
    if isinstance(value, dict):
        value = next((value[key] for key in _TEXT_KEYS if value.get(key)), None)
    if isinstance(value, dict | list):
        return text[:300] if value else ""
    return str(value).strip()[:300] if value else ""


def _retry_after(answer: Answer) -> float:
    found = re.search(r"\d+", answer.headers.get("retry-after", ""))
    return float(found.group()) if found else 0.0


def _own(data: Any, rma_id: str) -> tuple[Return, dict[str, Any]]:
    found = rmas.read_return(data)
    if found.rma_id != rmas.bare_rma_id(rma_id):
        fields = {"rmaSummary.rmaId": f"is {found.rma_id}, asked for {rma_id}"}
        raise AnotherDocument(f"rmaSummary.rmaId: {fields['rmaSummary.rmaId']}", fields=fields)
    return found, rmas.without_personal_data(data)


def _says(data: Any, rma_id: str, text: str) -> bool:
    _own(data, rma_id)
    told = (row.get("htmlText") for row in data.get("comments") or () if isinstance(row, dict))
    return any(text in line for line in told if isinstance(line, str))


def _segment(text: str) -> str:
    """An id fit for a path; ids come from webhooks, so nothing else may get in."""
    bare = rmas.bare_rma_id(text)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", bare):
        raise ValueError(f"{text[:40]!r} is not a ReturnGO id; use its letters and digits only")
    return bare


def naive_utc(moment: datetime) -> str:
    """A time as ReturnGO's filters take it: UTC without an offset, for a "+" in a query would become a space."""
    if moment.tzinfo is None:
        raise ValueError("a filter time must be aware; give it a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _paged(params: list[tuple[str, str]], pagesize: int, cursor: str) -> tuple[tuple[str, str], ...]:
    return (*params, ("pagesize", str(pagesize)), *((("cursor", cursor),) if cursor else ()))


def _insist_statuses(rows: tuple[RmaSummary, ...], wanted: tuple[str, ...]) -> None:
    # A word that nobody knows says nothing about the filter: whoever reads that return is told of it.
    odd = next((row for row in rows if wanted and row.status in KNOWN_STATUSES.difference(wanted)), None)
    if odd is not None:
        raise BadAnswer(f"filter ignored: status={','.join(wanted)} gave RMA {odd.rma_id} in {odd.status!r}")


def _insist_new(cursor: str, seen: set[str]) -> None:
    if cursor in seen:
        raise BadAnswer("the list goes round in circles: a cursor came back")
    seen.add(cursor)

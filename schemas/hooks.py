"""Webhook bodies as nudges: which return, sale or stock should be looked at again. Nothing else is taken from a hook.

ReturnGO publishes no payload, so an id is looked for wherever it may plausibly be; Cin7's keys differ per event
(Cin7 blueprint).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas.cin7.stock import read_availability
from schemas.json.fields import SchemaInvalidError, parse
from schemas.sales import AvailabilityRow

RETURN, SHIPMENT, TRANSACTION, SALE, STOCK, SWEEP = "return", "shipment", "transaction", "sale", "stock", "sweep"

_ID = re.compile(r"(?:RMA[\s#-]*)?([A-Za-z0-9][A-Za-z0-9_-]{0,63})", re.IGNORECASE)
#: How the objects end that a body may wrap one thing's own facts in, `eventData` for one.
_WRAPPERS = ("data", "payload", "event", "body")
_DEEPEST = 4
#: One delivery tells of one happening. Thousands of ids in it would spend the calls of a day.
_MOST_IDS = 50
#: More rows of stock than a megabyte of honest ones holds.
_MOST_ROWS = 10_000
_LONGEST_TEXT = 120


@dataclass(frozen=True, slots=True)
class Nudge:
    """Something may have changed. `ids` are RMA, shipment, transaction or sale ids, by `kind`; a sweep has none.

    `order_number` and `task_id` come with Cin7's sale events (some name only the task); `rows` with its stock event.
    """

    kind: str
    ids: tuple[str, ...] = ()
    event: str = ""
    order_number: str = ""
    task_id: str = ""
    rows: tuple[AvailabilityRow, ...] = ()


def read_hook(source: str, topic: str, body: bytes) -> Nudge:
    """What a delivery is about; `source` is "returngo" or "cin7", `topic` what its URL says.

    Raises SchemaInvalidError for a body that is not JSON of a usable shape, ValueError for an unknown source.
    """
    if source == "returngo":
        return _returngo(topic, parse(body, unique_keys=False))
    if source == "cin7":
        return _cin7(topic, parse(body, unique_keys=False))
    raise ValueError(f"hook source {source!r} is unknown; use returngo or cin7")


# --- ReturnGO ------------------------------------------------------------------------------------------------------


def _returngo(topic: str, data: Any) -> Nudge:
    if isinstance(data, list) and all(isinstance(entry, dict) for entry in data) and data:
        if len(data) > _MOST_IDS:
            return Nudge(SWEEP, event=_event(data[0]) or topic)
        return _joined([_returngo(topic, entry) for entry in data])
    if not isinstance(data, dict):
        raise SchemaInvalidError({"": f"the hook is {type(data).__name__}, not an object; send a JSON object"})
    event = _event(data) or topic
    for kind, names in ((RETURN, ("rma", "return")), (SHIPMENT, ("shipment",)), (TRANSACTION, ("transaction",))):
        ids = tuple(dict.fromkeys(_ids(data, names)))
        if ids:
            return _sized(Nudge(kind, ids, event))
    return _by_own_id(data, event)


def _joined(nudges: list[Nudge]) -> Nudge:
    kinds = {nudge.kind for nudge in nudges}
    if len(kinds) > 1 or SWEEP in kinds:
        return Nudge(SWEEP, event=nudges[0].event)
    ids = tuple(dict.fromkeys(one for nudge in nudges for one in nudge.ids))
    return _sized(Nudge(nudges[0].kind, ids, nudges[0].event))


def _sized(nudge: Nudge) -> Nudge:
    """The nudge, or a sweep where it names too many things: each would cost a call."""
    return nudge if len(nudge.ids) <= _MOST_IDS else Nudge(SWEEP, event=nudge.event)


def _event(data: dict[str, Any]) -> str:
    found = next((value for key, value in data.items() if _plain(key) in {"eventname", "event", "eventtype"}), "")
    return found.strip() if isinstance(found, str) else ""


def _ids(data: dict[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    """`rmaId`, `rma_id`, `data.rmaId`, `rma.id`, `rma: 5`, `eventData: {rma: {rmaId: ...}}` and the like."""
    wanted = {f"{thing}{end}" for thing in names for end in ("id", "ids", "number")} | {names[0]}
    for wrapper, holder in _holders(data):
        for key, value in holder.items():
            name = _plain(key)
            if name in wanted or (wrapper in names and name == "id"):
                yield from _usable(value)


def _holders(value: Any, wrapper: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        for entry in value:
            yield from _holders(entry, wrapper, depth)
    elif isinstance(value, dict) and depth <= _DEEPEST:
        yield wrapper, value
        for key, inner in value.items():
            yield from _holders(inner, _plain(key), depth + 1)


def _by_own_id(data: dict[str, Any], event: str) -> Nudge:
    """A bare `id` beside an event name that says what it is the id of."""
    kinds = {"RMA_": RETURN, "SHIPMENT_": SHIPMENT, "TRANSACTION_": TRANSACTION, "REFUND_": TRANSACTION}
    kind = next((kind for start, kind in kinds.items() if event.upper().startswith(start)), "")
    for wrapper, holder in _holders(data):
        if kind and wrapper.endswith(_WRAPPERS) and "id" in holder:
            ids = tuple(_usable(holder["id"]))
            if ids:
                return _sized(Nudge(kind, ids, event))
    return Nudge(SWEEP, event=event)


def _usable(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from _usable(entry)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        found = _ID.fullmatch(str(value).strip())
        if found:
            yield found.group(1)


def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "").strip().lower()


# --- Cin7 ----------------------------------------------------------------------------------------------------------


def _cin7(topic: str, data: Any) -> Nudge:
    if isinstance(data, list):
        if len(data) > _MOST_ROWS:
            raise SchemaInvalidError({"": f"{len(data)} rows of stock; send at most {_MOST_ROWS} in one hook"})
        return Nudge(STOCK, event=topic, rows=read_availability(data))
    if not isinstance(data, dict):
        raise SchemaInvalidError({"": f"the hook is {type(data).__name__}, not an object or list; send Cin7's body"})
    event = _text(data, "EventType") or topic
    sale_id, task_id = _text(data, "SaleID").lower(), (_text(data, "TaskID") or _text(data, "SaleTaskID")).lower()
    number = _text(data, "SaleOrderNumber") or _text(data, "OrderNumber")
    if sale_id:
        return Nudge(SALE, (sale_id,), event, number, task_id)
    if task_id or number:
        return Nudge(SALE, (), event, number, task_id)
    return Nudge(SWEEP, event=event)


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    text = value.strip() if isinstance(value, str) else ""
    # A name that no document can have: too long for the ledger, or with a NUL in it.
    return text if len(text) <= _LONGEST_TEXT and text.isprintable() else ""

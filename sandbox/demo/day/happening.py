"""When each thing of the day happens: the life of every return, the help that comes later, and the faults."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.demo.day.words import CEDAR, Ending, ReturnOfDay, Step, Until

#: Seconds from the request to its approval, from there to the parcel's arrival, and from there to the refund.
APPROVED_AFTER, ARRIVES_AFTER, PAID_AFTER = 0.4, 1.6, 0.5
#: The part of the day after which finance locks the period.
LOCKED_AT = 0.9
#: (part of the day, rule): faults that every day must survive. Each strikes the next call it is about; the last is an
#: outage of writes, longer than two sends of one note lie apart.
FAULTS: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.05, {"system": "cin7", "kind": "timeout_after", "method": "POST", "path": "/sale/creditnote", "times": 1,
            "seconds": 3.0}),
    (0.15, {"system": "cin7", "kind": "status_before", "method": "GET", "path": "/v2/sale$", "times": 3,
            "status": 500, "form": "html"}),
    (0.20, {"system": "returngo", "kind": "status_before", "method": "GET", "path": "/rma/", "times": 2,
            "status": 502, "form": "text"}),
    (0.25, {"system": "cin7", "kind": "status_after", "method": "POST", "path": "/sale/creditnote", "times": 1,
            "status": 500}),
    (0.35, {"system": "cin7", "kind": "throttle", "method": "GET", "path": "/v2/sale$", "times": 1,
            "form": "429", "retry_after": "2 Seconds"}),
    (0.45, {"system": "cin7", "kind": "status_before", "method": "writes", "status": 503, "form": "html",
            "lasts": 15.0}),
)  # fmt: skip
UNREADABLE = "<html>we will be back soon</html>"


def steps_of(returns: tuple[ReturnOfDay, ...], span: float, luck: random.Random) -> tuple[Step, ...]:
    """Every step of the day in order of time. Returns arrive over the first four fifths of `span` seconds."""
    gap = span * 0.8 / len(returns)
    steps: list[Step] = []
    for number, one in enumerate(returns):
        start = number * gap + luck.random() * gap
        steps += _life(one, span * LOCKED_AT if one.after_lock else start)
    # A day too short makes too few calls for every fault to find one.
    faults = FAULTS[: max(1, len(returns) // 2)]
    steps += [Step(span * part, "fault", body=rule) for part, rule in faults]
    steps.append(Step(span * 0.3, "stray", body={"body": UNREADABLE, "content_type": "application/json"}))
    return tuple(sorted([*steps, *_help(returns, span)], key=lambda step: step.at))


def _life(one: ReturnOfDay, start: float) -> Iterator[Step]:
    if one.manner.payload_form == "bare":
        # All at once: no earlier webhook may have told the id.
        yield Step(start, "arrive at once", one.name)
        return
    if one.manner.lost:
        yield Step(start, "end unseen", one.name)
        return
    if not one.ours:
        yield Step(start, "credit natively", one.name)
    yield Step(start, "request", one.name, until=Until("locked", one.name) if one.after_lock else None)
    if one.exchanged:
        yield from _exchange(one, start)
        return
    yield Step(start + APPROVED_AFTER, "approve", one.name)
    arrival = start + APPROVED_AFTER + ARRIVES_AFTER
    if one.ending is Ending.NOTHING:
        yield Step(arrival, "cancel", one.name)
        return
    first = Until("credited", "simple first") if one.name == "simple second" else None
    if one.shipping_back:
        yield Step(start + APPROVED_AFTER + PAID_AFTER, "refund", one.name)
    yield Step(arrival, "receive", one.name, until=first)
    if one.refunded and not one.shipping_back:
        # Once the portal was told that it may: a refund that is out already is not let go any more.
        yield Step(arrival + PAID_AFTER, "refund", one.name, until=Until("done", one.name, "comment"))


def _exchange(one: ReturnOfDay, start: float) -> Iterator[Step]:
    """Asked for a week ago: the parcel comes when the exception has been seen."""
    yield Step(start + APPROVED_AFTER, "draft order", one.name)
    yield Step(start + ARRIVES_AFTER, "receive", one.name, until=Until("waiting", one.name, one.waits_for))


def _help(returns: Iterable[ReturnOfDay], span: float) -> Iterator[Step]:
    """What people do in Cin7 and Returnline during the day, once an exception or a batch has told them to."""
    acts = {"INVOICE_NOT_AUTHORISED": "authorise-invoice", "SIMPLE_SALE_ALREADY_CREDITED": "convert-to-advanced"}
    for one in returns:
        if one.ending is Ending.CREDITED and one.waits_for in acts:
            act = "import again" if one.imported_again else acts[one.waits_for]
            yield Step(span * 0.55, act, one.name, until=Until("waiting", one.name, one.waits_for))
        if one.after_lock:
            yield Step(span * LOCKED_AT, "lock the period", until=Until("others", one.name))
    if any(one.shop == CEDAR for one in returns):
        yield Step(span * 0.4, "release batch", until=Until("batch", CEDAR, "prepared"))

"""When each thing of the day happens: the life of every return, the help that comes later, and the faults."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.day.words import Ending, ReturnOfDay, Step, Until

#: Seconds from the request to its approval, and from there to the parcel's arrival.
APPROVED_AFTER, ARRIVES_AFTER = 0.4, 1.6
#: (part of the day, rule): faults that every day must survive. Each strikes the next call it is about.
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
)  # fmt: skip
UNREADABLE = "<html>we will be back soon</html>"


def steps_of(returns: tuple[ReturnOfDay, ...], span: float, luck: random.Random) -> tuple[Step, ...]:
    """Every step of the day in order of time. Returns arrive over the first four fifths of `span` seconds."""
    gap = span * 0.8 / len(returns)
    steps = [step for number, one in enumerate(returns) for step in _life(one, number * gap + luck.random() * gap)]
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
    yield Step(start, "request", one.name)
    yield Step(start + APPROVED_AFTER, "approve", one.name)
    arrival = start + APPROVED_AFTER + ARRIVES_AFTER
    if one.ending is Ending.NOTHING:
        yield Step(arrival, "cancel", one.name)
        return
    first = Until("credited", "simple first") if one.name == "simple second" else None
    yield Step(arrival, "receive", one.name, until=first)


def _help(returns: Iterable[ReturnOfDay], span: float) -> Iterator[Step]:
    """What a person does in Cin7 during the day, once the exception has told them to."""
    acts = {"INVOICE_NOT_AUTHORISED": "authorise-invoice", "SIMPLE_SALE_ALREADY_CREDITED": "convert-to-advanced"}
    for one in returns:
        if one.ending is Ending.CREDITED and one.waits_for:
            yield Step(span * 0.55, acts[one.waits_for], one.name, until=Until("waiting", one.name, one.waits_for))

"""How well the returns run: lead times as median and P90, first-pass rate, exceptions, and where the goods ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.concerns import BY_FACTS
from pipeline.ledger.gaps import facts
from pipeline.ledger.schema import all as t
from schemas.gaps import ReturnFacts, UnitFacts
from schemas.terms import Terms

_LEADS = (
    ("received to credited", "received_at", "credited_at"),
    ("received to refunded", "received_at", "refunded_at"),
    ("received to stocked", "received_at", "stocked_at"),
    ("received to inspected", "received_at", "inspected_at"),
    ("inspected to stocked", "inspected_at", "stocked_at"),
)


def kpis(
    conn: sa.Connection, since: datetime, until: datetime, shop: str = "", terms: Mapping[str, Terms] | None = None
) -> dict[str, Any]:
    """The figures of everything that ended between the two moments. Hours are exact to a tenth; nothing is averaged,
    because an average hides what is stuck. With the shops' `terms`, of live returns only."""
    gathered = facts.gather(conn, until, shop=shop)
    known = gathered if terms is None else [one for one in gathered if one.live(terms.get(one.shop))]
    exceptions = _exceptions(conn, since, until, shop)
    credited = [one for one in known if any(since < credit.at <= until for credit in one.credits)]
    troubled = _troubled(conn)
    return {
        "since": since,
        "until": until,
        "lead_times": [*_leads(known, since), _approved(known, since)],
        "returns_credited": len(credited),
        "first_pass": _percent(sum(1 for one in credited if one.return_id not in troubled), len(credited)),
        "exceptions_per_100": _percent(len(exceptions), len(credited)),
        "resolution": _resolution(exceptions),
        "recovered_alone": _percent(
            sum(1 for x in exceptions if x["closed_by"] == BY_FACTS), sum(1 for x in exceptions if x["closed_at"])
        ),
        "goods": _goods(known, since),
        "duplicates_prevented": sum(1 for one in credited for c in one.credits if not c.ours and since < c.at),
    }


def hours(spans: Iterable[timedelta]) -> dict[str, Any]:
    """Count, median and P90 (nearest rank) of these spans, in hours."""
    sorted_spans = sorted(spans)
    if not sorted_spans:
        return {"count": 0, "median": None, "p90": None}
    return {
        "count": len(sorted_spans),
        "median": _hours(_rank(sorted_spans, Decimal("0.5"))),
        "p90": _hours(_rank(sorted_spans, Decimal("0.9"))),
    }


def _rank(spans: list[timedelta], share: Decimal) -> timedelta:
    place = int((share * len(spans)).to_integral_value(rounding=ROUND_CEILING))
    return spans[max(place, 1) - 1]


def _hours(span: timedelta) -> Decimal:
    return (Decimal(int(span.total_seconds())) / 3600).quantize(Decimal("0.1"))


def _leads(known: list[ReturnFacts], since: datetime) -> list[dict[str, Any]]:
    units = [unit for one in known for unit in one.units]
    return [{"lead": name, **hours(_spans(units, first, last, since))} for name, first, last in _LEADS]


def _spans(units: Iterable[UnitFacts], first: str, last: str, since: datetime) -> Iterable[timedelta]:
    for unit in units:
        begun, ended = getattr(unit, first), getattr(unit, last)
        if begun is not None and ended is not None and ended > since and ended >= begun:
            yield ended - begun


def _approved(known: list[ReturnFacts], since: datetime) -> dict[str, Any]:
    spans = [
        unit.refunded_at - one.told.approved_at
        for one in known
        for unit in one.units
        if one.told.approved_at and unit.refunded_at and unit.refunded_at > max(since, one.told.approved_at)
    ]
    return {"lead": "approved to refunded", **hours(spans)}


def _troubled(conn: sa.Connection) -> set[int]:
    """Returns that an exception or a dead letter ever named."""
    x, d = t.exceptions.c.return_id, t.dead_letters.c.return_id
    return {int(key) for column in (x, d) for key in conn.execute(sa.select(column).distinct()).scalars() if key}


def _exceptions(conn: sa.Connection, since: datetime, until: datetime, shop: str) -> list[Mapping[str, Any]]:
    x = t.exceptions.c
    query = sa.select(x.owner, x.opened_at, x.closed_at, x.closed_by).where(
        (x.opened_at > since) & (x.opened_at <= until)
    )
    query = query.where(x.shop == shop) if shop else query
    return [dict(row) for row in conn.execute(query).mappings()]


def _resolution(exceptions: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    owners = sorted({str(x["owner"]) for x in exceptions})
    found = []
    for owner in owners:
        mine = [x for x in exceptions if x["owner"] == owner]
        spans = [x["closed_at"] - x["opened_at"] for x in mine if x["closed_at"]]
        found.append({"owner": owner, "opened": len(mine), **hours(spans)})
    return found


def _goods(known: list[ReturnFacts], since: datetime) -> dict[str, Any]:
    words = Counter(u.stocked_as for one in known for u in one.units if u.stocked_at and u.stocked_at > since)
    whole = sum(words.values())
    return {word: {"units": count, "share": _percent(count, whole)} for word, count in sorted(words.items())}


def _percent(part: int, whole: int) -> Decimal | None:
    return (Decimal(100 * part) / whole).quantize(Decimal("0.1")) if whole else None

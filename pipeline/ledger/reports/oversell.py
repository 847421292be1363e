"""The oversell window: how long shoppers could buy what was gone, and whether the picture is fresh."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.availability import swept_at, troubles
from pipeline.ledger.schema import all as t

_A, _S = t.availability.c, t.availability_sent.c


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds between Cin7's change seen and the figure shown, over `count` figures: median, nine of ten, worst."""

    count: int = 0
    p50: float = 0.0
    p90: float = 0.0
    worst: float = 0.0


@dataclass(frozen=True, slots=True)
class OversellWindow:
    """How long shoppers could buy what was gone. `falls` is that; `all` counts rises too. `waiting` figures differ from
    what is shown now, the oldest since `waiting_since`; `swept_at` is when the last complete sweep began."""

    shop: str
    falls: Spread
    all: Spread
    waiting: int
    waiting_since: datetime | None
    unmatched: int
    swept_at: datetime | None

    def stale(self, now: datetime, after: float) -> bool:
        """The stale badge: no complete sweep began in the last `after` seconds (see `stale_after`)."""
        return self.swept_at is None or (now - self.swept_at).total_seconds() > after


def stale_after(availability_max: float) -> float:
    """Seconds after which the picture is called stale: two of the longest intervals between sweeps."""
    return 2 * availability_max


def oversell_window(conn: sa.Connection, shop: str = "") -> tuple[OversellWindow, ...]:
    """The window of one shop, or of every shop that ever had a figure; over what was sent in the last `KEPT`."""
    known = sorted(str(s) for s in conn.execute(sa.select(_A.shop).distinct()).scalars())
    return tuple(_window(conn, name) for name in known if shop in ("", name))


def status_rows(conn: sa.Connection, now: datetime, after: float) -> list[dict[str, Any]]:
    """What `returnline status` shows of each shop's stock; `after` is `stale_after` of the settings."""
    return [
        {
            "shop": window.shop,
            "picture": "STALE" if window.stale(now, after) else "fresh",
            "swept": window.swept_at,
            "differs": window.waiting,
            "since": window.waiting_since,
            "not shown": window.unmatched,
            "falls": window.falls.count,
            "p50 s": round(window.falls.p50, 1),
            "p90 s": round(window.falls.p90, 1),
            "worst s": round(window.falls.worst, 1),
        }
        for window in oversell_window(conn)
    ]


def _window(conn: sa.Connection, shop: str) -> OversellWindow:
    query = sa.select(_S.before, _S.after, _S.changed_at, _S.at).where((_S.shop == shop) & _S.before.is_not(None))
    sent = [(before, after, (at - seen).total_seconds()) for before, after, seen, at in conn.execute(query)]
    mine = (_A.shop == shop) & _A.changed_at.is_not(None) & (_A.trouble == "")
    waiting, oldest = conn.execute(sa.select(sa.func.count(), sa.func.min(_A.changed_at)).where(mine)).one()
    return OversellWindow(
        shop,
        spread([seconds for before, after, seconds in sent if after < before]),
        spread([seconds for _, _, seconds in sent]),
        int(waiting),
        oldest,
        len(troubles(conn, shop)),
        swept_at(conn, shop),
    )


def spread(seconds: Iterable[float]) -> Spread:
    """Median, ninetieth percentile (nearest rank) and worst of these."""
    ordered = sorted(max(0.0, value) for value in seconds)
    if not ordered:
        return Spread()
    return Spread(len(ordered), _rank(ordered, 50), _rank(ordered, 90), ordered[-1])


def _rank(ordered: Sequence[float], percent: int) -> float:
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]

"""Which returns a look at ReturnGO's lists finds: the changed, the new, the vanished, and those that ended unseen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from schemas.go_live import GoLive, standing
from schemas.returngo.rmas import RmaSummary
from schemas.returns import OPEN_STATUSES

#: A day of no zone begins earlier than this before the same day in UTC.
_MARGIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Listed:
    """What ReturnGO lists, open and lately ended, and the statuses that we know ("" for a return never read)."""

    seen: Mapping[str, RmaSummary]
    ended: Mapping[str, RmaSummary]
    known: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """RMAs to be read now, and those that may take their turn: there may be thousands of them after a first look."""

    at_once: tuple[str, ...]
    in_turn: tuple[str, ...]

    def without(self, waiting: Collection[str]) -> Found:
        """The same without the returns that wait to be read anyway."""
        return Found(*(tuple(rma for rma in some if rma not in waiting) for some in (self.at_once, self.in_turn)))


@dataclass(frozen=True, slots=True)
class Pace:
    """When each of many readings is due, so that they never take more than a quarter of the day's calls: a quarter's
    worth at once, the rest spread. `place` is how many wait already."""

    now: datetime
    place: int
    daily_limit: int

    def due(self, number: int) -> datetime:
        """The time of the reading with this number, counted from 0."""
        quarter = max(self.daily_limit // 4, 1)
        late = max(self.place + number - quarter + 1, 0)
        return self.now + late * timedelta(days=1) / quarter


def first_look(go_live: date | None, now: datetime, earliest: datetime) -> datetime:
    """Since when ended returns are listed where no look was made before: no return created on or after go-live changed
    before that day. Not before `earliest`."""
    if go_live is None:
        return earliest
    return min(max(datetime.combine(go_live, time(0), UTC) - _MARGIN, earliest), now)


def find(listed: Listed, go_live: date | None, zone: tzinfo, unfit: Iterable[str] = ()) -> Found:
    """The returns to be read. A return that ended before we knew it is read unless it is from before go-live; without
    its creation date only a reading can tell. `unfit` are the RMAs of rows that nobody can read ("" where not even the
    number is there): those we do not know are read, and while one has no number nobody is taken for vanished.

    Pure: the same arguments give the same answer.
    """
    odd, known = set(unfit), listed.known
    told = {**listed.ended, **listed.seen}
    changed = {rma for rma, row in told.items() if known.get(rma) != row.status}
    news = {rma for rma in changed if rma in known}
    vanished = {rma for rma, status in known.items() if status in OPEN_STATUSES and rma not in told and rma not in odd}
    new = {rma: standing(told[rma].created_at, go_live, zone) for rma in changed - news}
    at_once = news | (set() if "" in odd else vanished) | {rma for rma in new if _pressing(listed, rma, new[rma])}
    in_turn = {rma for rma, where in new.items() if _worth(listed, rma, where)} | (odd - {""} - set(known))
    return Found(tuple(sorted(at_once)), tuple(sorted(in_turn - at_once)))


def _pressing(listed: Listed, rma: str, where: GoLive) -> bool:
    """Open and new: as good as its webhook. Before go-live there is no hurry."""
    return rma in listed.seen and where is not GoLive.BEFORE


def _worth(listed: Listed, rma: str, where: GoLive) -> bool:
    """Ended unseen, and live or undated; or open from before go-live, where money may still be seen to move. A request
    from before go-live that nobody has answered is neither."""
    if rma in listed.seen:
        return listed.seen[rma].status != OPEN_STATUSES[0]
    return where in {GoLive.LIVE, GoLive.UNDATED}

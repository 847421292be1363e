"""Has the broker forgotten something? A number that only grows is kept in Redis and in the ledger; whoever is behind
has been flushed, rolled back or restored, and everything is looked up before anything more is sent."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
import structlog
from redis.exceptions import RedisError

from pipeline.ledger import concerns, cursors, effects
from pipeline.ledger.schema import all as t
from pipeline.ledger.store import insert_once
from pipeline.parts import Parts
from schemas.concerns import Concern, ConcernType
from tasks.polls import polls

log = structlog.get_logger()
CURSOR = "redis:age"
#: Rounds that a crash or a ledger that could not be written may cost before the ledger itself is taken for restored.
SLACK = 10
#: What finds work that was lost before it was admitted. Each keeps its own place, so nothing is skipped.
_FINDERS = ("returngo:open", "returngo:transactions", "cin7:sales")
_STEP = "Nothing to do for the returns: every shop is read again. Find out why {who} lost data; see the runbook."


class Age(NamedTuple):
    """How many rounds the sweep has counted, and which run of the server it counted on."""

    rounds: int = 0
    run: str = ""

    @classmethod
    def read(cls, text: str) -> Age:
        """From a cursor's value; nothing yet is age 0."""
        count, _, run = text.partition("|")
        return cls(int(count or 0), run)


def watch(parts: Parts) -> str:
    """Count one round, and act where Redis or the ledger is behind the other. Gives what happened, "" for nothing.

    A server that was only restarted lost at most what its last flush could not save: the shops are read again, and
    nobody is told. Raises RedisError.
    """
    # The ledger comes first: a ledger that cannot be written must not fall behind, and whoever counts in between can
    # only make Redis the newer of the two.
    with parts.ledger.write() as conn:
        known = _last(conn, parts.clock())
    seen = _count(parts)
    what = _verdict(known, seen)
    if what == "behind":
        seen = seen._replace(rounds=int(parts.redis.incrby(_key(parts), known.rounds - seen.rounds + 1)))
    now = parts.clock()
    with parts.ledger.write() as conn:
        _remember(conn, seen, now)
        if what:
            _read_again(conn, parts, now)
        if what in {"behind", "ahead"}:
            _doubt_everything(conn, parts, what, now)
        else:
            _close_where_read(conn, now)
    if what:
        log.warning("read again", what=what, known=known.rounds, seen=seen.rounds)
    return what


def _last(conn: sa.Connection, now: datetime) -> Age:
    insert_once(conn, t.cursors, shop="", name=CURSOR, value="", at=now)
    conn.execute(t.cursors.update().where((t.cursors.c.shop == "") & (t.cursors.c.name == CURSOR)).values(at=now))
    return Age.read(cursors.cursor(conn, "", CURSOR))


def _count(parts: Parts) -> Age:
    count = int(parts.redis.incr(_key(parts)))
    try:
        run = str(parts.redis.info("server").get("run_id", ""))
    except RedisError:
        # Some hosted servers keep INFO to themselves; the number is what counts.
        run = ""
    return Age(count, run)


def _key(parts: Parts) -> str:
    return f"{parts.settings.prefix}age"


def _verdict(known: Age, seen: Age) -> str:
    if seen.rounds <= known.rounds:
        return "behind"
    if seen.rounds > known.rounds + SLACK:
        return "ahead"
    if known.run and seen.run and known.run != seen.run:
        return "restarted"
    return ""


def _remember(conn: sa.Connection, seen: Age, now: datetime) -> None:
    if Age.read(cursors.cursor(conn, "", CURSOR)).rounds < seen.rounds:
        cursors.set_cursor(conn, "", CURSOR, f"{seen.rounds}|{seen.run}", now)


def _read_again(conn: sa.Connection, parts: Parts, now: datetime) -> None:
    for shop in parts.settings.shops:
        for poll in _FINDERS:
            cursors.expire_cursor(conn, shop, poll)


def _doubt_everything(conn: sa.Connection, parts: Parts, what: str, now: datetime) -> None:
    doubted = effects.reconcile_all_first(conn, now)
    who = "Redis" if what == "behind" else "the ledger"
    cause = (
        f"{who} is older than it was: it was flushed, rolled back or restored from a copy. Deliveries that were not "
        f"admitted may be gone. {doubted} effects under way are looked up before anything is sent."
    )
    concern = Concern(ConcernType.QUEUE_ROLLED_BACK, cause, _STEP.format(who=who), details={"at": now.isoformat()})
    for shop in parts.settings.shops:
        concerns.raise_(conn, shop, "sweep", "queue", concern, now)


def _close_where_read(conn: sa.Connection, now: datetime) -> None:
    """The exception of a shop closes once its open returns were read whole after the loss."""
    for row in concerns.open_rows(conn, type_=ConcernType.QUEUE_ROLLED_BACK.value):
        lost_at = datetime.fromisoformat(row["details"]["at"])
        if _read_since(conn, row["shop"], lost_at):
            concerns.close(conn, row["shop"], "sweep", "queue", now, by="every open return was read again")


def _read_since(conn: sa.Connection, shop: str, moment: datetime) -> bool:
    kept = cursors.cursor(conn, shop, polls.ENDED_SINCE)
    return bool(kept) and datetime.fromisoformat(kept) + polls.OVERLAP > moment

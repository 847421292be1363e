"""An outage of writes is an outage: each kind of document has a lane, and what nobody could write is nobody's fault. A
document that alone is never taken, while others of its kind are, ends with a person all the same."""

from __future__ import annotations

from pipeline.calls.failures import CredentialsRejected, Throttled, away
from pipeline.ledger import doubts, effects
from pipeline.ledger.effects import EffectRow
from pipeline.ledger.entries import Claim
from pipeline.parts import Parts
from schemas.concerns import ConcernType
from schemas.effects import EffectState
from tasks import outages
from tasks.effects.protocol import LaterError
from tasks.failures import CREDENTIALS_PAUSE, MOST_ALONE, MOST_AMONG_OTHERS, SystemStoppedError


def lane_of(row: EffectRow) -> str:
    """The lane of this effect's writes: the system that holds its document, and the kind of document."""
    return f"{row.action.system}:{row.kind}"


def check(parts: Parts, claimed: Claim) -> None:
    """Raises SystemStoppedError where only writes that must wait are left of this entry: no call is spent on it."""
    with parts.ledger.read() as conn:
        live = effects.of_entry(conn, claimed.entry_id)
    if not live or any(row.state != EffectState.PLANNED for row in live):
        return
    waits = {lane_of(row): outages.stopped(parts, row.shop, lane_of(row)) for row in live}
    if all(waits.values()):
        lane, seconds = min(waits.items(), key=lambda wait: wait[1])
        raise SystemStoppedError(lane, seconds, f"{lane} is stopped")


class WriteOutages:
    """What the ledger and the lanes know of other writes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def held(self, row: EffectRow) -> LaterError | None:
        """The lane is stopped, or somebody else tests it just now."""
        test = self._parts.settings.intervals.write_deadline + self._parts.settings.intervals.quota_patience
        try:
            outages.take_turn(self._parts, row.shop, lane_of(row), test)
        except SystemStoppedError as stopped:
            return LaterError(stopped.seconds, str(stopped))
        return None

    def met(self, row: EffectRow, failure: Exception | None) -> None:
        """Tell the lane what this write met; what never left for want of a slot says nothing about the system."""
        if isinstance(failure, LaterError):
            if isinstance(failure.__cause__, CredentialsRejected):
                why, kind = str(failure.__cause__), ConcernType.CREDENTIALS_REJECTED
                outages.stop(self._parts, row.shop, lane_of(row), CREDENTIALS_PAUSE, kind, why)
        elif failure is not None and away(failure):
            outages.failed(self._parts, row.shop, lane_of(row), str(failure), who=str(row.effect_id))
        elif not isinstance(failure, Throttled):
            outages.answered(self._parts, row.shop, lane_of(row))

    def shared(self, row: EffectRow) -> bool:
        """Whether an outage may be to blame for the sends of this step.

        It is not where the answers came and did not show the document. It is not either where this one fails again and
        again after others of its kind were written: soon where it is the only one in doubt, later where it is not. What
        it was sent in vain before the others got through says nothing.
        """
        with self._parts.ledger.read() as conn:
            lost = doubts.unanswered_writes(conn, row)
            if row.step_sends - len(lost) >= MOST_ALONE:
                return False
            if not lost:
                return False
            written = doubts.others_written(conn, row, lost[-1])
            if written is None:
                return True
            among = doubts.others_in_doubt(conn, row)
        among = among or outages.stopped(self._parts, row.shop, lane_of(row)) > 0
        return sum(at > written for at in lost) < (3 * MOST_AMONG_OTHERS if among else MOST_AMONG_OTHERS)

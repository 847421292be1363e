"""Named moments at which a process may be made to die, so that tests can show that nothing is lost or doubled there.

Nothing happens unless RETURNLINE_KILL_POINT is set, e.g. "effect.sending=kill" or "effect.answered=kill:2" (the
second time). Actions: kill (SIGKILL to this process), hang (sleep), raise. With RETURNLINE_KILL_ONCE naming a file, a
point fires once over all processes.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

#: Every point, in the order in which a return meets them, with what has just become true there.
POINTS: dict[str, str] = {
    "intake.taken": "deliveries are taken from the inbox, nothing is written yet",
    "intake.admitted": "deliveries are in the ledger, the inbox does not know it yet",
    "intake.acknowledged": "the inbox has let the deliveries go, no hint is sent yet",
    "reading.claimed": "a return is claimed for reading",
    "reading.read": "ReturnGO has answered, nothing is stored yet",
    "reading.stored": "the reading is stored, no hint is sent yet",
    "entry.claimed": "an entry is claimed and its start is counted",
    "entry.gathered": "the facts are gathered, nothing is planned yet",
    "entry.planned": "plan and effects are in the ledger",
    "effect.claimed": "an effect is claimed, nothing is sent",
    "effect.looked": "the look-up before sending is done",
    "effect.sending": "SENDING is committed, no byte has left",
    "effect.answered": "the provider has answered, the ledger does not know it yet",
    "effect.progressed": "one step of several is confirmed in the ledger",
    "effect.confirmed": "the effect is CONFIRMED, the entry is not settled yet",
    "entry.performed": "all effects are done, the entry is not released yet",
    "entry.released": "the entry is released, the task is not acknowledged yet",
    "sweep.polled": "a poll has answered, nothing is stored yet",
    "sweep.stored": "a poll is stored, no hint is sent yet",
    "availability.sent": "the shop has taken figures, the ledger does not know it yet",
    "dead.buried": "a dead letter is written, its queue does not show it yet",
    "requeue.reopened": "a dead letter is reopened, no hint is sent yet",
}

_passed: dict[str, int] = {}


class KilledHereError(Exception):
    """Raised at an armed point whose action is "raise"."""


def reach(point: str) -> None:
    """Say that this moment has come. Raises KeyError for a name that is not in POINTS, armed or not, so that the list
    stays whole."""
    POINTS[point]
    armed = os.environ.get("RETURNLINE_KILL_POINT", "")
    if not armed:
        return
    name, _, action = armed.partition("=")
    action, _, nth = action.partition(":")
    if name != point:
        return
    _passed[point] = _passed.get(point, 0) + 1
    if _passed[point] == int(nth or 1) and _may_fire():
        _fire(point, action)


def _may_fire() -> bool:
    once = os.environ.get("RETURNLINE_KILL_ONCE", "")
    if not once:
        return True
    try:
        Path(once).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _fire(point: str, action: str) -> None:
    if action == "raise":
        raise KilledHereError(point)
    if action == "hang":
        time.sleep(float(os.environ.get("RETURNLINE_KILL_HANG", "3600")))
        return
    os.kill(os.getpid(), signal.SIGKILL)

"""From a failure to its consequence: again, later, or never. Pure arithmetic, one row per kind of failure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from schemas.concerns import ConcernType


class Exit(StrEnum):
    """What becomes of the work at hand."""

    LATER = "later"
    STOP_LANE = "stop lane"
    BURY = "bury"


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows from a failure. `seconds` until the next try; `counts` says whether the try was the work's own
    fault. With `tell` a person must see it now, although the work goes on by itself."""

    exit: Exit
    seconds: float
    counts: bool
    concern: ConcernType | None = None
    tell: bool = False


#: A failure nobody foresaw is tried this many times before a person must look.
MOST_FAILURES = 5
#: An answer that does not fit its schema is tried this many times before a person must see it; it is tried on, slower.
MOST_UNFIT = 3
#: A piece of work that was started this often and never finished kills its worker: it is put aside.
MOST_STARTS = 4
#: A document whose sends were answered without showing it, or cut off by our own death, is sent this often.
MOST_ALONE = 2
#: One whose sends nobody answered is sent this often when others of its kind get through, and three times as often when
#: others are in doubt too: with one write in three failing, one in 240 has such luck, and then a person decides.
MOST_AMONG_OTHERS = 5
#: Seconds a lane stays stopped after refused credentials, before one call tests them again.
CREDENTIALS_PAUSE = 120.0


def backoff(failures: int, least: float, most: float, seed: str) -> float:
    """Seconds to wait after the n-th failure: doubling from `least` up to `most`, spread by up to a fifth so that
    failures do not march in step."""
    plain = min(most, least * float(2 ** min(failures, 16)))
    digest = hashlib.blake2b(f"{seed}:{failures}".encode(), digest_size=2).digest()
    spread = int.from_bytes(digest, "big") / 65535
    return plain * (0.9 + 0.2 * spread)

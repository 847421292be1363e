"""One Cin7 Core company over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from pipeline.cin7.access import Cin7Access
from pipeline.cin7.answers import judge
from pipeline.cin7.line import Line
from pipeline.cin7.reference import ReferenceCalls
from pipeline.cin7.sales import SaleCalls
from pipeline.cin7.stock import StockCalls
from pipeline.quota import Gate
from pipeline.wire import Http, Observer, Wire


def _now() -> datetime:
    return datetime.now(UTC)


class Cin7(SaleCalls, StockCalls, ReferenceCalls):
    """Every call takes a `lane`, takes one quota slot, and is told to `observe` once for each HTTP attempt.

    All raise QuotaWait or QuotaUnavailable before anything is sent, and the failures of `pipeline.failures` after.
    """

    def __init__(
        self,
        access: Cin7Access,
        quota: Gate,
        http: Http | None = None,
        observe: Observer | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.access = access
        self._line = Line(
            Wire(
                system="cin7",
                base_url=access.base_url,
                headers=access.headers,
                http=http or Http(),
                gate=quota,
                judge=judge,
                observe=observe,
                clock=clock,
                read_deadline=access.read_deadline,
                write_deadline=access.write_deadline,
                patience=access.patience,
                secrets=(access.application_key, access.account_id),
            )
        )

"""One Cin7 Core company over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pipeline.calls.call import Caller, Http, Observer
from pipeline.calls.quota import Gate
from pipeline.cin7.answers import judge
from pipeline.cin7.lists import Lists
from pipeline.cin7.reference import ReferenceCalls
from pipeline.cin7.sales import SaleCalls
from pipeline.cin7.stock import StockCalls


@dataclass(frozen=True, slots=True)
class Cin7Access:
    """Address, keys and deadlines (seconds for a whole call). `patience` is how long a call waits for a quota slot."""

    base_url: str
    account_id: str = field(repr=False)
    application_key: str = field(repr=False)
    read_deadline: float = 30.0
    write_deadline: float = 30.0
    patience: float = 5.0

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every call (Cin7 blueprint)."""
        return {
            "api-auth-accountid": self.account_id,
            "api-auth-applicationkey": self.application_key,
            "Content-Type": "application/json",
            "Accept": "application/json",
        }


def _now() -> datetime:
    return datetime.now(UTC)


class Cin7(SaleCalls, StockCalls, ReferenceCalls):
    """Every call takes a `priority`, takes one quota slot, and is told to `observe` once for each HTTP attempt.

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
        self._line = Lists(
            Caller(
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

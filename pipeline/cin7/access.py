"""What opens one Cin7 Core company."""

from __future__ import annotations

from dataclasses import dataclass, field


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

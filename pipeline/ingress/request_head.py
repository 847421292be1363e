"""The few request headers the ingress looks at, read once; everything else never leaves the socket."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.ingress.answers import BAD_REQUEST, ENCODED, NOT_JSON, Refused

# Kept with the delivery. Never Authorization, a cookie, or a signature.
KEPT = frozenset(
    {"content-type", "content-length", "user-agent", "webhook-id", "webhook-timestamp", "x-event-id", "x-request-id"}
)
_READ = {
    name.encode(): name
    for name in KEPT | {"authorization", "content-encoding", "webhook-signature", "transfer-encoding"}
}
_EVENT_ID = ("webhook-id", "x-event-id")
_LONGEST_KEPT = 256


@dataclass(slots=True)
class RequestHead:
    """Header values by lower-case name, decoded as latin-1 as HTTP has them, and the names that came twice. The last
    of several counts, but every content coding does."""

    values: dict[str, str] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, headers: Iterable[tuple[bytes, bytes]]) -> "RequestHead":
        """Pick the known headers out of an ASGI header list."""
        head = cls()
        for raw_name, value in headers:
            name = _READ.get(raw_name)
            if name is None:
                continue
            if name in head.values:
                head.repeated.add(name)
            before = f"{head.get(name)}," if name == "content-encoding" and name in head.values else ""
            head.values[name] = before + value.decode("latin-1")
        return head

    def get(self, name: str) -> str:
        """The value, or an empty text."""
        return self.values.get(name, "")

    @property
    def declared_length(self) -> int | None:
        """Content-Length in bytes; None when the body is chunked or the number is not one."""
        text = self.get("content-length")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None

    def check_content(self) -> None:
        """JSON, and plain: raises Refused (415) for another type or any Content-Encoding that changes the bytes."""
        if not self._plain():
            raise Refused(ENCODED)
        kind = self.get("content-type").partition(";")[0].strip().lower()
        if kind != "application/json" or "content-type" in self.repeated:
            raise Refused(NOT_JSON)

    def _plain(self) -> bool:
        """Whether the body is as it was: no coding, or only `identity`, in any case (RFC 9110, 8.4.1). A list of them
        is the same; empty members of a list count for nothing (5.6.1)."""
        return all(coding.strip().lower() in {"", "identity"} for coding in self.get("content-encoding").split(","))

    def event_id(self) -> str:
        """The sender's own event id, or "" when it sends none; raises Refused (400) when one cannot be used as such."""
        for name in _EVENT_ID:
            if value := self.get(name).strip():
                if name in self.repeated or len(value) > _LONGEST_KEPT:
                    raise Refused(BAD_REQUEST)
                return value
        return ""

    def kept(self) -> str:
        """The allow-listed headers as JSON, each cut at 256 characters."""
        return json.dumps({name: value[:_LONGEST_KEPT] for name, value in self.values.items() if name in KEPT})

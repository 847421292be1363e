"""An answer of the practice world."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.types import Message, Send


@dataclass
class Answer:
    """A whole HTTP answer, held back so that a fault may bend it."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def catch(self, message: Message) -> None:
        """Take the place of the server's `send`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    async def release(self, send: Send) -> None:
        """Send the answer as it stands."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

    def replace(self, status: int, body: bytes, content_type: str) -> None:
        """Put another answer in this one's place."""
        self.status, self.body = status, body
        self.headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]

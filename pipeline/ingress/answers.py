"""What the ingress says back: every refusal in one table, so that none of them can drift into a 5xx."""

import json
from dataclasses import dataclass

Headers = tuple[tuple[bytes, bytes], ...]
_JSON = (b"content-type", b"application/json")
_RETRY = (b"retry-after", b"5")
_CLOSE = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response: its status, what happened in one word for log and metrics, and the bytes on the wire."""

    status: int
    outcome: str
    body: bytes
    headers: Headers


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The request stops here with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.outcome)
        self.answer = answer


def answer(status: int, outcome: str, *extra: tuple[bytes, bytes], **fields: str) -> Answer:
    """A JSON answer `{"status": outcome, **fields}` with its length and any further headers."""
    body = json.dumps({"status": outcome, **fields}).encode()
    return Answer(status, outcome, body, (_JSON, (b"content-length", b"%d" % len(body)), *extra))


NOT_FOUND = answer(404, "not found")
UNAUTHORISED = answer(401, "unauthorised", (b"www-authenticate", b'Bearer realm="hooks", Basic realm="hooks"'))
BAD_SIGNATURE = answer(401, "bad signature", (b"www-authenticate", b"Signature"))
POST_ONLY = answer(405, "wrong method", (b"allow", b"POST"))
GET_ONLY = answer(405, "wrong method", (b"allow", b"GET, HEAD"))
TOO_SLOW = answer(408, "too slow", _CLOSE)
TOO_LARGE = answer(413, "too large", fix="send the ids only; the return is read again by API")
# Nobody reads a body of unknown length to its end just to refuse it.
TOO_LARGE_AND_LEAVE = answer(413, "too large", _CLOSE)
NOT_JSON = answer(415, "wrong content type", fix="send content-type: application/json")
ENCODED = answer(415, "content encoding refused", (b"accept-encoding", b"identity"), fix="send the body uncompressed")
BAD_REQUEST = answer(400, "bad request")
BACKLOG_FULL = answer(503, "backlog full", _RETRY)
BUSY = answer(503, "busy", _RETRY, _CLOSE)
UNWELL = answer(503, "unavailable", _RETRY)
ALIVE = answer(200, "alive")
READY = answer(200, "ready")
NO_FEED = answer(404, "no feed", fix="set terms.availability_target to feed; the first sweep writes it")


def taken(standing: str, delivery_id: str) -> Answer:
    """202: the delivery is on disk, under this id. Ids are our own hexadecimal, so the JSON needs no escaping."""
    body = b'{"status":"%b","delivery":"%b"}' % (standing.encode(), delivery_id.encode())
    return Answer(202, standing, body, (_JSON, (b"content-length", b"%d" % len(body))))


def feed(document: bytes) -> Answer:
    """The stock feed as it was published; it changes any moment, so nobody may keep it without asking again."""
    length = (b"content-length", b"%d" % len(document))
    return Answer(200, "feed", document, (_JSON, length, (b"cache-control", b"no-cache")))

"""From a path to a route: two hook addresses, the stock feed, three addresses for operators, and nothing else."""

import re
from dataclasses import dataclass

_SHAPES = {"/healthz": "health", "/readyz": "ready", "/metrics": "metrics"}
# Cin7 names its events Sale/CreditNoteAuthorised and the like, so the last part may hold a slash ("Cin7 blueprint").
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,64}(/[A-Za-z0-9._-]{1,64}){0,2}")
_LONGEST_PATH = 1024
#: What may be read: the stock that shoppers are shown, as the publisher left it in Redis.
FEED = "feed"
_FEED_TEMPLATE = "/feed/{shop}/{token}/availability.json"
_TEMPLATES = {
    "returngo": "/hooks/returngo/{shop}/{token}",
    "cin7": "/hooks/cin7/{shop}/{token}/{event}",
}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request wants to go; `template` is the only form of the path that may be logged."""

    kind: str
    template: str
    source: str = ""
    shop: str = ""
    token: str = ""
    topic: str = ""


NOWHERE = Route("nowhere", "other")
_FIXED = {path: Route(kind, path) for path, kind in _SHAPES.items()}


def route(path: str) -> Route:
    """The route of a decoded path; NOWHERE for anything that is not exactly one of ours."""
    if (fixed := _FIXED.get(path)) is not None:
        return fixed
    parts = path.split("/", 5)
    if len(path) <= _LONGEST_PATH and len(parts) == 5 and parts[:2] == ["", FEED] and parts[4] == "availability.json":
        return Route(FEED, _FEED_TEMPLATE, FEED, parts[2], parts[3])
    if len(path) > _LONGEST_PATH or len(parts) < 5 or parts[0] or parts[1] != "hooks":
        return NOWHERE
    source, shop, token = parts[2:5]
    topic = parts[5] if len(parts) == 6 else ""
    if source == "returngo" and len(parts) == 5:
        return Route("hook", _TEMPLATES[source], source, shop, token)
    if source == "cin7" and _TOPIC.fullmatch(topic):
        return Route("hook", _TEMPLATES[source], source, shop, token, topic)
    return NOWHERE

"""Faults on order: rules that say when a call goes wrong and how.

The gate asks `FaultBook.match` once for every call of every system and plays the answer.
"""

from __future__ import annotations

import random
import re
import time
from dataclasses import asdict, dataclass, field
from typing import Any

KINDS = (
    "timeout_before", "timeout_after", "status_before", "status_after", "reset_before", "reset_after",
    "truncated_after", "html_200_before", "html_200_after", "empty_200_after", "wrong_echo", "slow_drip",
    "throttle", "late_commit", "stale_reads", "redirect", "auth_403", "missing_field",
)  # fmt: skip
SYSTEMS = ("cin7", "returngo", "shopify")
#: In place of a method: every call that may change the books. Shopify's are POST all of them; its mutations are meant.
WRITES = "WRITES"
_WRITING = ("POST", "PUT", "PATCH", "DELETE")
_MUTATION = re.compile(r'"query"\s*:\s*"\s*(\\n|\s)*mutation', re.IGNORECASE)


@dataclass
class Rule:
    """One fault: where it strikes (system, method, path and body patterns), how often and its kind.

    `method` is one method, "*" or "writes": an outage of writes is `writes` with `status_before`, say.

    How often: `nth` match only, `every` so many, by seeded `probability`, at most `times`; else always. Without `times`
    it ends when it is removed, or `lasts` real seconds after it was made.

    `seconds` is the hang, the drip's total length, the stale window or the delay of a late commit;
    For `missing_field`, `text` names the field, and may say of which objects: "status where rmaId=77".
    `status` and `form` shape the answer (`form`: object, array, string, text, html, empty; for throttle 429, 503, 400).
    """

    kind: str
    system: str | None = None
    method: str | None = None
    path: str = ""
    body: str = ""
    nth: int | None = None
    every: int | None = None
    probability: str | None = None
    seed: int = 0
    times: int | None = None
    lasts: float | None = None
    seconds: float = 30.0
    status: int = 500
    form: str = "object"
    text: str = "Internal error"
    retry_after: str | None = "60 Seconds"
    id: int = 0
    seen: int = 0
    fired: int = 0
    _rng: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"fault.kind {self.kind!r} is unknown; use one of: {', '.join(KINDS)}")
        if self.system is not None and self.system not in SYSTEMS:
            raise ValueError(
                f"fault.system {self.system!r} is unknown; use one of: {', '.join(SYSTEMS)} or leave it out"
            )
        self._pattern = re.compile(self.path, re.IGNORECASE)
        self._body_pattern = re.compile(self.body, re.IGNORECASE)
        self._rng.seed(self.seed)
        self._made = time.monotonic()

    def strikes(self, system: str, method: str, path: str, body: str = "") -> bool:
        """Say whether this call is hit, counting it when it is one the rule is about."""
        if not self._is_about(system, method, path, body):
            return False
        self.seen += 1
        over = self.lasts is not None and time.monotonic() > self._made + self.lasts
        if over or (self.times is not None and self.fired >= self.times):
            return False
        if not self._is_due():
            return False
        self.fired += 1
        return True

    def _is_about(self, system: str, method: str, path: str, body: str) -> bool:
        if self.kind == "stale_reads" and method != "GET":
            return False
        right_method = self.method in (None, "*", method) or (self.method == WRITES and _writes(system, method, body))
        right_place = self.system in (None, system) and right_method
        return right_place and bool(self._pattern.search(path)) and bool(self._body_pattern.search(body))

    def _is_due(self) -> bool:
        if self.nth is not None:
            return self.seen == self.nth
        if self.every is not None:
            return self.seen % self.every == 0
        if self.probability is not None:
            return self._rng.random() < float(self.probability)
        return True

    def row(self) -> dict[str, Any]:
        """Return the rule with its counters, JSON-ready."""
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}


def _writes(system: str, method: str, body: str) -> bool:
    return method in _WRITING and (system != "shopify" or bool(_MUTATION.search(body)))


class FaultBook:
    """The rules in force, in the order they were added; the first one that strikes wins."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._last_id = 0

    def add(self, **fields: Any) -> Rule:
        """Add a rule.

        Raises ValueError for an unknown kind or system, TypeError for an unknown field.
        """
        for counter in ("id", "seen", "fired"):
            fields.pop(counter, None)
        if isinstance(fields.get("method"), str):
            fields["method"] = fields["method"].upper()
        self._last_id += 1
        rule = Rule(**fields, id=self._last_id)
        self.rules.append(rule)
        return rule

    def remove(self, rule_id: int | None = None) -> None:
        """Remove one rule, or all of them."""
        self.rules = [] if rule_id is None else [rule for rule in self.rules if rule.id != rule_id]

    def match(self, system: str, method: str, path: str, body: str = "") -> Rule | None:
        """Return the rule that strikes this call; only the first hit counts as fired."""
        return next((rule for rule in self.rules if rule.strikes(system, method, path, body)), None)

    def wants_snapshots(self, system: str) -> bool:
        """Say whether a stale-read rule is in force, so that writes must keep the state before them."""
        return any(rule.kind == "stale_reads" and rule.system in (None, system) for rule in self.rules)

"""The call quota of the practice Cin7: an exact sliding window per application key, refused in three forms.

Source of the text and of the three forms (429, 503, 400): measured by integrators.
The documented limit is 60 calls in 60 s.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque

WINDOW = 60.0  # seconds


class SlidingWindow:
    """Counts calls per key in the last 60 seconds, exactly."""

    def __init__(self) -> None:
        self._stamps: dict[str, deque[float]] = defaultdict(deque)

    def admit(self, key: str, moment: float, limit: int, *, count_refused: bool) -> bool:
        """Say whether the call fits; a refused call uses up quota too when `count_refused`."""
        stamps = self._stamps[key]
        while stamps and stamps[0] <= moment - WINDOW:
            stamps.popleft()
        fits = len(stamps) < limit
        if fits or count_refused:
            stamps.append(moment)
        return fits

    def clear(self) -> None:
        """Give every key its whole quota back."""
        self._stamps.clear()


def throttle_answer(form: str, limit: int, retry_after: str | None) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and headers of a quota refusal in one of the forms 429, 503, 400."""
    text = f"You have reached {limit} calls per 60 seconds API limit."
    headers = {"content-type": "text/plain; charset=utf-8"}
    if form == "400":
        return 400, json.dumps([{"ErrorCode": 400, "Exception": text}]).encode(), {"content-type": "application/json"}
    if retry_after is not None:
        headers["retry-after"] = retry_after
    if form == "503":
        return 503, text.encode(), headers
    headers |= {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": "0", "x-ratelimit-reset": "60"}
    return 429, text.encode(), headers

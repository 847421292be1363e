"""Refusals in the many shapes the real API uses; only some of the problems are told at a time."""

from __future__ import annotations

import html
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from sandbox.settings import Settings

SHAPES = ("array", "object", "string", "text", "html")
NOT_FOUND_PAGE = (
    b"<!DOCTYPE html><html><head><title>Cin7 Core</title></head><body><h1>Page not found</h1>"
    b"<p>The page you are looking for does not exist.</p></body></html>"
)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a request; `code` is the ErrorCode in the body and need not be the HTTP status."""

    text: str
    code: int = 400


class Refusal(Exception):  # noqa: N818  (an answer, not a mistake)
    """The API refuses with `status` and one or more problems."""

    def __init__(self, *problems: Problem | str, status: int = 400) -> None:
        self.problems = [one if isinstance(one, Problem) else Problem(one) for one in problems]
        self.status = status
        super().__init__("; ".join(one.text for one in self.problems))


def answer_for(refusal: Refusal, settings: Settings, rng: random.Random) -> Response:
    """Return the refusal as an HTTP answer; settings `error_shape` and `problems_shown` choose, "seeded" draws."""
    shape = settings["error_shape"]
    if shape == "seeded":
        shape = rng.choices(SHAPES, (6, 2, 1, 1, 1))[0]
    problems = refusal.problems
    if settings["problems_shown"] == "some":
        problems = problems[: (len(problems) + 1) // 2]
    return _shaped(shape, refusal.status, problems)


def _shaped(shape: str, status: int, problems: Sequence[Problem]) -> Response:
    models = [{"ErrorCode": one.code, "Exception": one.text} for one in problems]
    text = problems[0].text
    if shape == "text":
        return Response(text, status, media_type="text/plain")
    if shape == "html":
        page = f"<html><body><h2>Bad Request</h2><p>{html.escape(text, quote=False)}</p></body></html>"
        return Response(page, status, media_type="text/html")
    body = {"array": models, "object": models[0], "string": text}[shape]
    return Response(json.dumps(body), status, media_type="application/json")


def page_not_found() -> Response:
    """Answer an unknown path as measured: 200 with a page."""
    return Response(NOT_FOUND_PAGE, 200, media_type="text/html")

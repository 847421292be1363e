"""A replay in plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.ledger.letters.letters import money_text

#: Causes shown for each return; the data has them all.
_CAUSES = 2


def replay_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """One line a return with what stops it, then the totals."""
    for row in told["returns"]:
        yield _line(row)
        for one in row["exceptions"][:_CAUSES]:
            yield f"    {one['type']}: {one['cause']}"
    yield ""
    yield from _totals(told["totals"])
    if told["stopped"]:
        yield f"Stopped early: {told['stopped']}."
    yield "Nothing was performed and no effect was written."


def _line(row: Mapping[str, Any]) -> str:
    does = ", ".join(f"{one['do']} {one['money']} {one['currency']}".strip() for one in row["actions"])
    why = row["trouble"] or "; ".join(row["refused"]) or "; ".join(dict.fromkeys(row["waits"]))
    settled = "done already" if row["done"] else "nothing to do"
    return f"{row['rma']} ({row['order']}, {row['status']}): {does or why or settled}"


def _totals(sums: Mapping[str, Any]) -> Iterator[str]:
    yield f"{sums['returns']} returns: {sums['without_a_question']} would go through without a question,"
    yield f"  {sums['done_already']} are done already, {sums['troubled']} could not be planned"
    for title, name in (("would do", "actions"), ("would ask a person", "exceptions")):
        for word, one in sums[name].items():
            money = f", {money_text(one['money'])}" if one["money"] else ""
            yield f"  {title}: {word} x {one['count']}{money}"
    for reason, count in sums["refused"].items():
        yield f"  would leave alone: {count} ({reason})"

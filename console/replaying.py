"""What would have been done to the returns of a past span, had the shop been live: planned, never performed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from console.rehearsal import CannotRehearseError, rehearse
from pipeline.calls.quota import QuotaUnavailable
from pipeline.parts import Parts
from pipeline.settings.values import Settings
from schemas.returns import KNOWN_STATUSES

#: Returns rehearsed in one go unless more are asked for: each costs a call of ReturnGO's day and some of Cin7's minute.
MOST = 200


def as_if_live(settings: Settings, since: date) -> Settings:
    """The same settings with every shop live since that day at the latest: before go-live nothing would be planned."""
    shops = {}
    for name, shop in settings.shops.items():
        live = shop.terms.go_live
        day = min(live, since) if live else since
        shops[name] = replace(shop, terms=replace(shop.terms, go_live=day))
    return replace(settings, shops=shops)


def replay(
    parts: Parts, since: datetime, shop: str = "", limit: int = MOST, told: Callable[[int, str], None] | None = None
) -> dict[str, Any]:
    """Rehearse every return that ReturnGO says was touched since then; gives one row a return, and totals.

    Stops where ReturnGO's calls of the day come down to money's reserve, and says so. Calls `told` with number and RMA
    before each. Raises CannotRehearseError for a shop that is not known, and the failures of the list's reading.
    """
    names = [shop] if shop else list(parts.settings.shops)
    unknown = [name for name in names if name not in parts.settings.shops]
    if unknown:
        raise CannotRehearseError(
            f"the settings know no shop {unknown[0]}; they have {', '.join(parts.settings.shops)}"
        )
    rows: list[dict[str, Any]] = []
    stopped = ""
    for name in names:
        found, why = _of_shop(parts, name, since, limit - len(rows), told)
        rows += found
        stopped = stopped or why
    return {"since": since.isoformat(), "returns": rows, "totals": totals(rows), "stopped": stopped}


def _of_shop(
    parts: Parts, shop: str, since: datetime, limit: int, told: Callable[[int, str], None] | None
) -> tuple[list[dict[str, Any]], str]:
    listed = [s.rma_id for page in parts.shop(shop).returngo.summaries(sorted(KNOWN_STATUSES), since) for s in page]
    rows: list[dict[str, Any]] = []
    for number, rma in enumerate(dict.fromkeys(listed), start=1):
        if number > limit:
            return rows, f"{len(listed) - limit} more returns of {shop} were not looked at; raise --limit"
        if why := _used_up(parts, shop):
            return rows, f"{why}; {len(listed) - number + 1} returns of {shop} were not looked at"
        if told is not None:
            told(number, rma)
        rows.append(_row(parts, shop, rma))
    return rows, ""


def _used_up(parts: Parts, shop: str) -> str:
    quota = parts.shop(shop).returngo_quota
    try:
        left = quota.limit - quota.reserve - quota.usage().used
    except QuotaUnavailable as gone:
        return f"the call quota cannot be asked ({gone})"
    return "" if left > 0 else "ReturnGO's calls of today are used but for what money needs"


def _row(parts: Parts, shop: str, rma: str) -> dict[str, Any]:
    try:
        told = rehearse(parts, rma, shop)
    except CannotRehearseError as error:
        return {"shop": shop, "rma": rma, "order": "", "status": "", "trouble": str(error), "actions": []} | _NOTHING
    plans = [(one["consumer"], one["plan"]) for one in told["consumers"] if one["plan"]]
    return {
        "shop": shop,
        "rma": rma,
        "order": told["order"],
        "status": told["status"],
        "trouble": "; ".join(one["trouble"] for one in told["consumers"] if one["trouble"]),
        "actions": [_action(consumer, action) for consumer, plan in plans for action in plan["actions"]],
        "exceptions": [_exception(one) for _, plan in plans for one in plan["exceptions"]],
        "waits": [wait["reason"] for _, plan in plans for wait in plan["waits"]],
        "refused": [plan["refusal"] for _, plan in plans if plan["refusal"]],
        "done": [effect["key"] for one in told["consumers"] for effect in one["done"]],
    }


_NOTHING: dict[str, list[Any]] = {"exceptions": [], "waits": [], "refused": [], "done": []}


def _action(consumer: str, action: Mapping[str, Any]) -> dict[str, Any]:
    money = action.get("gross") or action.get("amount") or action.get("order_total") or {}
    return {"consumer": consumer, "do": action["do"], **_money(money)}


def _exception(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": str(told["kind"]), "cause": told["cause"], **_money(told.get("money") or {})}


def _money(money: Mapping[str, Any]) -> dict[str, str]:
    return {"money": str(money.get("amount") or ""), "currency": str(money.get("currency") or "")}


def totals(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """How many returns would go through untouched, what would be done, and what would wait for whom, with money."""
    known = list(rows)
    clean = [row for row in known if row["actions"] and not row["exceptions"] and not row["trouble"]]
    return {
        "returns": len(known),
        "without_a_question": len(clean),
        "done_already": sum(1 for row in known if row["done"] and not row["actions"]),
        "actions": _sums(known, "actions", "do"),
        "exceptions": _sums(known, "exceptions", "type"),
        "refused": dict(Counter(reason for row in known for reason in row["refused"])),
        "troubled": sum(1 for row in known if row["trouble"]),
    }


def _sums(rows: Iterable[Mapping[str, Any]], list_name: str, by: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in rows:
        for one in row[list_name]:
            mine = found.setdefault(one[by], {"count": 0, "money": {}})
            mine["count"] += 1
            if one["money"] and one["currency"]:
                before = mine["money"].get(one["currency"], Decimal(0))
                mine["money"][one["currency"]] = before + Decimal(one["money"])
    return dict(sorted(found.items()))

"""The gap report: what the facts and the sweeps show, older than the merchant allows, by age and owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from pipeline.ledger.gaps import facts as gap_facts
from pipeline.ledger.gaps import payout_rules, rules
from pipeline.ledger.gaps.rules import Found, working_hours_later
from schemas.concerns import ConcernType
from schemas.gaps import BUCKETS, RULES, Gap, ReturnFacts, bucket_of
from schemas.money import Money
from schemas.terms import Terms

#: Who raises exceptions because of a gap; such an exception is no news to the report.
RAISED_BY = "gaps"
#: Which gap an exception tells of.
_TOLD_BY: dict[ConcernType, Gap] = {kind: gap for gap, rule in RULES.items() for kind in rule.types}


@dataclass(frozen=True, slots=True)
class GapItem:
    """One gap of one unit ("" for the whole return). `since` is when it began, `due` when it began to count."""

    gap: Gap
    shop: str
    rma: str
    order: str
    unit: str
    sku: str
    since: datetime
    due: datetime
    money: Money | None
    owner: str
    cause: str

    def days(self, as_of: datetime) -> int:
        """Age in whole days."""
        return max((as_of - self.since).days, 0)

    def as_row(self, as_of: datetime) -> dict[str, Any]:
        """Plain data, as `--json` and `--csv` give it."""
        days = self.days(as_of)
        return {
            "gap": self.gap.value,
            "owner": self.owner,
            "shop": self.shop,
            "rma": self.rma,
            "order": self.order,
            "unit": self.unit,
            "sku": self.sku,
            "since": self.since.isoformat(),
            "days": days,
            "age": bucket_of(days),
            "money": format(self.money.amount, "f") if self.money else None,
            "currency": self.money.currency if self.money else "",
            "cause": self.cause,
        }


def find(
    conn: sa.Connection,
    terms: Mapping[str, Terms],
    as_of: datetime,
    *,
    shop: str = "",
    rma: str = "",
    gap: Gap | None = None,
    any_age: bool = False,
) -> list[GapItem]:
    """Every gap that stood at `as_of`, oldest first; with `any_age` those inside their patience too.

    Returns of shops without terms, and those that are not live, are left out: nothing is posted for them.
    """
    known = [one for one in gap_facts.gather(conn, as_of, shop=shop, rma=rma) if one.live(terms.get(one.shop))]
    items = [item for one in known for item in _of_return(one, terms[one.shop])]
    items += _of_sums(conn, known, terms, as_of)
    items += [] if rma else list(_of_shops(conn, terms, as_of, shop))
    wanted = (i for i in items if (any_age or i.due <= as_of) and i.since <= as_of and gap in {None, i.gap})
    return sorted(wanted, key=lambda i: (i.since, i.shop, i.rma, i.gap, i.unit))


def _of_return(one: ReturnFacts, terms: Terms) -> Iterator[GapItem]:
    shown: set[Gap] = set()
    for found in rules.of_return(one, terms):
        if RULES[found.gap].accepted_by not in one.accepted or RULES[found.gap].accepted_by is None:
            shown.add(found.gap)
            yield _item(found, one, terms)
    for row in one.exceptions:
        told = _TOLD_BY.get(ConcernType(row["type"]))
        if told is not None and told not in shown and row["raised_by"] != RAISED_BY:
            yield _item(_from_exception(row, told), one, terms, str(row["owner"]))


def _from_exception(row: Mapping[str, Any], gap: Gap) -> Found:
    money = Money(row["money"], row["currency"]) if row["money"] is not None and row["currency"] else None
    return Found(gap, row["opened_at"], money, str(row["cause"]), hours=0)


def _item(found: Found, one: ReturnFacts, terms: Terms, owner: str = "") -> GapItem:
    return _placed(found, terms, one.shop, one.rma, one.order, owner)


def _placed(found: Found, terms: Terms, shop: str, rma: str, order: str, owner: str = "") -> GapItem:
    rule = RULES[found.gap]
    patience = terms.gap_hours.get(found.gap.value, rule.hours)
    hours = patience if found.hours is None else max(found.hours, patience) if found.hours else 0
    later = _working if found.gap is Gap.RECEIVED_NOT_CREDITED else _plain
    who = terms.gap_owners.get(found.gap.value) or owner or rule.owner.value
    return GapItem(
        gap=found.gap,
        shop=shop,
        rma=rma,
        order=order,
        unit=found.unit,
        sku=found.sku,
        since=found.since,
        due=later(found.since, hours),
        money=found.money,
        owner=str(who),
        cause=found.cause,
    )


_working: Callable[[datetime, int], datetime] = working_hours_later


def _plain(since: datetime, hours: int) -> datetime:
    return since + timedelta(hours=hours)


def _of_sums(
    conn: sa.Connection, known: list[ReturnFacts], terms: Mapping[str, Terms], as_of: datetime
) -> Iterator[GapItem]:
    """What shows only where several documents are added up: sales credited beyond their invoice, and payouts."""
    for one, found in [*gap_facts.over_credited(conn, known, terms), *payout_rules.missing(conn, known, as_of)]:
        if RULES[found.gap].accepted_by not in one.accepted:
            yield _item(found, one, terms[one.shop])


def _of_shops(conn: sa.Connection, terms: Mapping[str, Terms], as_of: datetime, shop: str) -> Iterator[GapItem]:
    """What belongs to no return: exceptions of a whole shop, and refunds in payouts that no return knows."""
    for row in gap_facts.open_without_return(conn, as_of, shop):
        told = _TOLD_BY.get(ConcernType(row["type"]))
        if told is not None and row["shop"] in terms and row["raised_by"] != RAISED_BY:
            mine = terms[row["shop"]]
            yield _placed(_from_exception(row, told), mine, row["shop"], row["subject"], "", row["owner"])
    for name, found in payout_rules.strangers(conn, as_of, shop):
        if name in terms:
            yield _placed(found, terms[name], name, "", "")


def summary(items: Iterable[GapItem], as_of: datetime, before: Iterable[GapItem] = ()) -> list[dict[str, Any]]:
    """One row for each gap and owner: count and money by age, the oldest, and the change against `before`."""
    groups: dict[tuple[Gap, str], list[GapItem]] = {}
    for item in items:
        groups.setdefault((item.gap, item.owner), []).append(item)
    earlier: dict[tuple[Gap, str], int] = {}
    for item in before:
        earlier[item.gap, item.owner] = earlier.get((item.gap, item.owner), 0) + 1
    keys = sorted({*groups, *earlier}, key=lambda key: (list(Gap).index(key[0]), key[1]))
    return [_row(key, groups.get(key, []), earlier.get(key, 0), as_of) for key in keys]


def _row(key: tuple[Gap, str], group: list[GapItem], earlier: int, as_of: datetime) -> dict[str, Any]:
    oldest = min(group, key=lambda item: item.since) if group else None
    by_age = {name: [i for i in group if bucket_of(i.days(as_of)) == name] for name, _ in BUCKETS}
    return {
        "gap": key[0].value,
        "meaning": RULES[key[0]].meaning,
        "owner": key[1],
        "count": len(group),
        "money": money_of(group),
        "change": len(group) - earlier,
        "ages": {name: {"count": len(some), "money": money_of(some)} for name, some in by_age.items()},
        "oldest": oldest.as_row(as_of) if oldest else None,
    }


def money_of(items: Iterable[GapItem]) -> dict[str, Decimal]:
    """The money of these gaps by currency, in major units; what has no known amount is left out."""
    sums: dict[str, Decimal] = {}
    for item in items:
        if item.money is not None:
            sums[item.money.currency] = sums.get(item.money.currency, Decimal(0)) + item.money.amount
    return dict(sorted(sums.items()))

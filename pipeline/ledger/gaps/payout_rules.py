"""What does not meet between the payouts imported and the returns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa

from pipeline.ledger import returns
from pipeline.ledger.gaps.payout_pairing import PortalRefund, pair
from pipeline.ledger.gaps.payouts import figure, line_of
from pipeline.ledger.gaps.rules import Found
from pipeline.ledger.schema import all as t
from pipeline.sheets.cells import plain_id
from schemas.gaps import Gap, ReturnFacts
from schemas.money import Money, total, zero
from schemas.payouts import MOST, PayoutLine
from schemas.returns import REFUND, REFUND_ID, SUCCESS, Transaction

_P = t.payouts.c
#: What ReturnGO calls the id under which the shop, and so the payout, knows a refund.
_Refund = tuple[str, str]


@dataclass(slots=True)
class _Imported:
    """The payouts as imported: lines by shop and refund, what is wrong with some, the newest day of each shop, the sums
    that payouts name. `unsure` tells by refund why nobody can say which line is its own."""

    lines: dict[_Refund, PayoutLine] = field(default_factory=dict)
    newest: dict[str, datetime] = field(default_factory=dict)
    sums: list[tuple[str, PayoutLine]] = field(default_factory=list)
    odd: list[tuple[str, Found]] = field(default_factory=list)
    by_day: dict[tuple[str, date, str], Money] = field(default_factory=dict)
    unsure: dict[_Refund, Found | None] = field(default_factory=dict)


def missing(conn: sa.Connection, known: list[ReturnFacts], as_of: datetime) -> Iterator[tuple[ReturnFacts, Found]]:
    """Refunds of known returns that a payout holds without a credit note or at another amount, those that no payout
    holds although payouts up to their day were imported, and those whose line cannot be told from others."""
    imported = _gathered(conn, as_of)
    for one in known:
        for x in _payable(one.told.transactions):
            found = _found(one, x, imported)
            if found is not None:
                yield one, found


def _found(one: ReturnFacts, x: Transaction, imported: _Imported) -> Found | None:
    key = (one.shop, _key(x))
    if key in imported.unsure:
        return imported.unsure[key]
    line = imported.lines.get(key)
    return _uncredited(one, x, line) if line else _unpaid(x, imported.newest.get(one.shop))


def strangers(conn: sa.Connection, as_of: datetime, shop: str = "") -> Iterator[tuple[str, Found]]:
    """What belongs to no return: refunds in payouts that none knows (made directly in the shop, or charged back),
    payouts that hold more or less than their lines, and rows that cannot be right."""
    imported = _gathered(conn, as_of)
    known = _references(conn)
    for (name, reference), line in imported.lines.items():
        if (name, reference) not in known and line.amount:
            imported.odd.append((name, Found(Gap.PAYOUT_UNMATCHED, line.settled_at, line.amount, _strange(line))))
    yield from ((name, found) for name, found in [*imported.odd, *_unexplained(imported)] if shop in {"", name})


def _strange(line: PayoutLine) -> str:
    whose = f"refund {line.refund_id}" if not line.order else f"a refund on order {line.order}"
    if line.amount.amount < 0:
        return f"{-line.amount} of {whose} came back by payout {line.payout_id}, and no return tells that it left"
    return f"{whose} in payout {line.payout_id} belongs to no return; made directly in the shop?"


def _gathered(conn: sa.Connection, as_of: datetime) -> _Imported:
    imported = _Imported()
    by_order: defaultdict[_Refund, list[PayoutLine]] = defaultdict(list)
    for row in conn.execute(
        sa.select(t.payouts).where(_P.settled_at <= as_of).order_by(_P.settled_at, _P.id)
    ).mappings():
        shop, line = row["shop"], line_of(dict(row))
        if abs(line.amount.amount) > MOST:
            cause = (
                f"payout {line.payout_id} holds {figure(line)} for refund {line.refund_id}: no refund is that large; "
            )
            cause += "import the right figure with --replace"
            imported.odd.append((shop, Found(Gap.PAYOUT_UNMATCHED, line.settled_at, None, cause)))
        elif line.is_sum:
            imported.sums.append((shop, line))
        else:
            imported.newest[shop] = line.settled_at
            day = (shop, line.settled_at.date(), line.amount.currency)
            imported.by_day[day] = imported.by_day.get(day, zero(line.amount.currency)) + line.amount
            if line.order:
                by_order[shop, _order(line.order)].append(line)
            else:
                _add(imported, shop, line)
    _pair_orders(conn, by_order, imported)
    return imported


def _add(imported: _Imported, shop: str, line: PayoutLine) -> None:
    key, amount = (shop, line.refund_id), line.amount
    before = imported.lines.get(key)
    if before is not None and before.amount.currency != amount.currency:
        cause = f"refund {line.refund_id} is in payout {before.payout_id} with {before.amount} and in payout "
        cause += f"{line.payout_id} with {amount}; correct the currency with --replace"
        imported.odd.append((shop, Found(Gap.PAYOUT_UNMATCHED, line.settled_at, amount, cause)))
        return
    amount = amount if before is None else amount + before.amount
    imported.lines[key] = PayoutLine(line.payout_id, line.refund_id, amount, line.settled_at)


def _pair_orders(conn: sa.Connection, by_order: dict[_Refund, list[PayoutLine]], imported: _Imported) -> None:
    refunds = _portal_refunds(conn, set(by_order)) if by_order else {}
    for (shop, order), lines in by_order.items():
        mine = refunds.get((shop, order), [])
        by_id = [refund for refund in mine if (shop, refund.key) in imported.lines]
        pairing = pair(lines, [refund for refund in mine if refund not in by_id])
        # A refund that was imported with its id as well needs no second line.
        again = pair(pairing.unmatched, by_id)
        told_twice = [line for theirs, _ in again.unsure for line in theirs]
        for key, line in pairing.paid.items():
            imported.lines[shop, key] = line
        for theirs, whose in pairing.unsure:
            # Told once, on the refund that is known last.
            imported.unsure |= {(shop, refund.key): None for refund in whose[:-1]}
            imported.unsure[shop, whose[-1].key] = _question(theirs, whose)
        imported.lines |= {(shop, line.refund_id): line for line in [*again.unmatched, *told_twice]}


def _question(lines: tuple[PayoutLine, ...], refunds: tuple[PortalRefund, ...]) -> Found:
    paid = total((line.amount for line in lines), lines[0].amount.currency)
    paid_text = " + ".join(str(line.amount) for line in lines)
    told_text = " + ".join(str(refund.amounts[0]) for refund in refunds)
    cause = f"payout {lines[0].payout_id} holds {paid_text} for order {lines[0].order}, ReturnGO tells {told_text}; "
    cause += "the export has no refund id, so compare them by hand"
    told = [next((a for a in refund.amounts if a.currency == paid.currency), None) for refund in refunds]
    amounts = [amount for amount in told if amount is not None]
    delta = abs(total(amounts, paid.currency) - paid) if len(amounts) == len(told) else paid
    return Found(Gap.PAYOUT_UNMATCHED, max(line.settled_at for line in lines), delta, cause)


def _portal_refunds(conn: sa.Connection, wanted: set[_Refund]) -> dict[_Refund, list[PortalRefund]]:
    """The refunds of these orders."""
    r = t.returns.c
    names = conn.execute(sa.select(r.id, r.shop, r.order_name).where(r.told.is_not(None)))
    ids = {row_id: (shop, _order(order)) for row_id, shop, order in names if (shop, _order(order)) in wanted}
    found: defaultdict[_Refund, list[PortalRefund]] = defaultdict(list)
    for row_id, whose in ids.items():
        told = returns.told(dict(conn.execute(sa.select(r.told).where(r.id == row_id)).mappings().one()))
        for x in _payable(told.transactions if told else ()):
            moments = tuple(moment for moment in (x.created_at, x.updated_at) if moment)
            amounts = tuple(money for money in (x.amount, x.shop_amount) if money is not None)
            found[whose].append(PortalRefund(_key(x), moments, amounts))
    return found


def _order(name: str) -> str:
    return name.strip().lstrip("#").casefold()


def _payable(transactions: Iterable[Transaction]) -> Iterator[Transaction]:
    """Refunds that a payout must hold: store credit and bank transfers never reach one."""
    for x in transactions:
        if x.status == SUCCESS and x.kind == REFUND and x.reference and x.reference_kind == REFUND_ID:
            yield x


def _key(x: Transaction) -> str:
    return plain_id(x.reference)


def _uncredited(one: ReturnFacts, x: Transaction, line: PayoutLine) -> Found | None:
    told = {money.currency: money for money in (x.amount, x.shop_amount) if money is not None}
    same = told.get(line.amount.currency)
    if not line.amount:
        cause = f"nothing of refund {x.reference} is with the shopper: it came back by payout {line.payout_id}"
        return Found(Gap.PAYOUT_UNMATCHED, line.settled_at, same or x.amount, cause)
    credited = {unit for credit in one.credits for unit in credit.action.units}
    covered = set(x.unit_ids) <= credited if x.unit_ids else bool(credited)
    if not covered:
        cause = f"payout {line.payout_id} holds refund {x.reference}; no credit note covers it"
        return Found(Gap.PAYOUT_UNMATCHED, line.settled_at, line.amount, cause)
    if same is None or same.to_minor() == line.amount.to_minor():
        return None
    delta = abs(same - line.amount)
    cause = f"payout {line.payout_id} holds {line.amount} for refund {x.reference}, ReturnGO says {same}"
    return Found(Gap.PAYOUT_UNMATCHED, line.settled_at, delta, cause)


def _unpaid(x: Transaction, newest: datetime | None) -> Found | None:
    moved = x.updated_at or x.created_at
    if newest is None or moved is None or moved > newest:
        return None
    cause = f"no imported payout holds refund {x.reference}"
    return Found(Gap.PAYOUT_UNMATCHED, moved, x.amount, cause)


def _references(conn: sa.Connection) -> set[_Refund]:
    r = t.returns.c
    rows = conn.execute(sa.select(r.shop, r.told).where(r.told.is_not(None)))
    return {(shop, plain_id(str(x.get("reference", "")))) for shop, told in rows for x in told.get("transactions", ())}


def _unexplained(imported: _Imported) -> Iterator[tuple[str, Found]]:
    """Payouts whose sum of refunds is not that of the refunds imported for their day."""
    for shop, line in imported.sums:
        currency = line.amount.currency
        told = imported.by_day.get((shop, line.settled_at.date(), currency), zero(currency))
        if told != line.amount:
            cause = f"the {line.payout_id} hold refunds of {line.amount}, the refunds imported for that day add up to "
            cause += f"{told}; import the payment transactions of these days"
            yield shop, Found(Gap.PAYOUT_UNMATCHED, line.settled_at, abs(line.amount - told), cause)

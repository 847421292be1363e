"""Sales credited beyond their invoice: every note we know on one sale, added up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from pipeline.ledger import tables as t
from pipeline.ledger.gap_facts import Credit, ReturnFacts
from pipeline.ledger.gap_rules import Found
from schemas.actions import PostCreditNote
from schemas.gaps import Gap
from schemas.merchant import Terms
from schemas.money import Money, total

#: A bonus or goodwill is meant to go beyond the price.
_MEANT = frozenset({"bonus", "goodwill", "order_refund"})


def over_credited(
    conn: sa.Connection, known: list[ReturnFacts], terms: Mapping[str, Terms]
) -> Iterator[tuple[ReturnFacts, Found]]:
    """Each sale whose confirmed notes add up to more than its invoices, told on the return credited last."""
    by_sale: defaultdict[tuple[str, str], list[tuple[ReturnFacts, Credit]]] = defaultdict(list)
    for one in known:
        for credit in one.credits:
            if credit.sale_id and credit.stands:
                by_sale[one.shop, credit.sale_id].append((one, credit))
    for (shop, sale_id), notes in by_sale.items():
        invoiced = _invoiced(conn, shop, sale_id)
        amounts = [worth for _, credit in notes if (worth := _for_goods(credit)) is not None]
        if invoiced is None or not amounts or {a.currency for a in amounts} != {invoiced.currency}:
            continue
        excess = total(amounts, invoiced.currency) - invoiced
        if excess.amount > terms[shop].amount_tolerance:
            last, credit = max(notes, key=lambda pair: pair[1].at)
            cause = f"the notes of this sale credit {excess} more than its {invoiced} of invoices"
            yield last, Found(Gap.CREDIT_CONFLICT, credit.at, excess, cause)


def _for_goods(credit: Credit) -> Money | None:
    if credit.gross is None or not isinstance(credit.action, PostCreditNote):
        return credit.gross
    meant = [extra.gross for extra in credit.action.extras if extra.on_note and extra.kind in _MEANT]
    return credit.gross - total(meant, credit.gross.currency) if meant else credit.gross


def _invoiced(conn: sa.Connection, shop: str, sale_id: str) -> Money | None:
    s = t.sales.c
    row = conn.execute(sa.select(s.amount, s.currency).where((s.shop == shop) & (s.sale_id == sale_id))).one_or_none()
    if row is None or not row[0] or not row[1]:
        return None
    return Money(row[0], row[1])

"""The same reports on PostgreSQL, whose numbers, times and empty values sort and compare in their own way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from pipeline.ledger import note_checks
from pipeline.ledger.gaps import payout_rules, payouts
from pipeline.ledger.gaps.rules import Found
from pipeline.ledger.reports.kpis import kpis
from pipeline.ledger.reports.month_end import month_end
from pipeline.ledger.seen_words import seen
from schemas.concerns import ConcernType
from schemas.gaps import Gap
from schemas.payouts import PayoutLine
from tests.consumers.builders import a_unit, gbp
from tests.pipeline.ledger.gap_desk import DAY0, SALE, SHOP, GapDesk, here, refund_of
from tests.postgres_server import running_postgres


def test_gaps_month_end_figures_and_due_looks_are_the_same_on_postgres(tmp_path: Path) -> None:
    with running_postgres() as url:
        desk = GapDesk(tmp_path, url)
        try:
            _play(desk)
            _look(desk)
        finally:
            desk.ledger.close()


def _play(desk: GapDesk) -> None:
    first = desk.told(here(transactions=(refund_of("u1"),)))
    desk.credited(gross="36", tax="5")
    desk.invoiced("30")
    desk.paid_out(amount="30")
    desk.told(here(rma_id="RMA1002", units=(a_unit("u2"),)))
    desk.raised(ConcernType.NATIVE_DUPLICATE, return_id=first)


def desk_strangers(conn: sa.Connection, now: datetime) -> list[Found]:
    return [found for _, found in payout_rules.strangers(conn, now)]


def _look(desk: GapDesk) -> None:
    found = {item.gap: item.money for item in desk.after(9)}
    assert found[Gap.CREDIT_CONFLICT] == gbp("6")
    assert found[Gap.TAX_VARIANCE] == gbp("1")
    assert found[Gap.PAYOUT_UNMATCHED] == gbp("6")
    assert {Gap.NATIVE_DUPLICATE, Gap.RECEIVED_NOT_CREDITED, Gap.RECEIVED_NOT_STOCKED} <= set(found)
    now = DAY0 + timedelta(days=2)
    with desk.ledger.write() as conn:
        order = PayoutLine(
            "po-2", "#1 2026", gbp("5"), DAY0, order="#1", moved_at=DAY0, presented=gbp("5"), signed=True
        )
        assert payouts.keep(conn, SHOP, [order], now).new == 1
        assert payouts.keep(conn, SHOP, [order], now).new == 0
        dearer = replace(order, amount=gbp("6"))
        assert len(payouts.keep(conn, SHOP, [dearer], now, replacing=True).replaced) == 1
        assert [item.money for item in desk_strangers(conn, now)] == [gbp("6")]
        assert [sale for sale, _ in note_checks.due(conn, SHOP, "drift", now, 5)] == [SALE]
        note_checks.seen(conn, SHOP, SALE, DAY0, now)
        assert note_checks.due(conn, SHOP, "drift", now, 5) == []
        assert kpis(conn, DAY0 - timedelta(days=1), now)["returns_credited"] == 1
        assert seen(conn, SHOP, now).skus == {"TEE-BLK-M": 2}
        assert month_end(conn, SHOP, desk.terms, now.date())["shop"] == SHOP

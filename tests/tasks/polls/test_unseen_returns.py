"""A return that nobody told us of until it had ended is found by the status poll; go-live says which of them count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ledger import cursors, returns
from pipeline.ledger.schema import all as t
from pipeline.returngo.client import ReturnGo
from schemas.go_live import EARLIEST_ZONE, GoLive, standing
from schemas.returngo.rmas import RmaSummary
from schemas.returns import DONE, OPEN_STATUSES, PENDING
from tasks.polls.finding import Found, Listed, Pace, find, first_look
from tasks.stages import consume, sweep
from tests.tasks.practice import PORTAL_SHOP, SHOP, SKU, Bench

GO_LIVE = date(2026, 3, 1)
DAY = timedelta(days=1)


@pytest.fixture
def portal(bench: Bench) -> Bench:
    """A bench whose portal has no returns but its own: the others of the session have ended and would be found too."""
    with bench.parts.ledger.write() as conn:
        for row in bench.desk.world.control.get("/returngo/state").json()["rmas"]:
            told = row["rmaSummary"]
            returns.nudge(conn, SHOP, told["rmaId"], bench.clock())
            mine = t.returns.c.rma_id == told["rmaId"]
            values = {"status": told["status"], "nudges_read": 1, "due_at": None, "read_at": bench.clock()}
            conn.execute(t.returns.update().where(mine).values(**values))
    return bench


def poll(bench: Bench) -> None:
    it = next(poll for poll in sweep.polls_of(bench.parts) if poll.name == "returngo:open")
    bench.clock.forward(it.every + 1)
    bench.clock.now = max(bench.clock.now, datetime.now(UTC).replace(microsecond=0))
    sweep.run_poll(bench.parts, SHOP, it)


def a_return(bench: Bench, *steps: str, method: str = "Ship with any carrier", **more: Any) -> tuple[str, str]:
    """A return that the portal took through these steps at once; no webhook says so. Gives order and RMA."""
    order = bench.desk.sell()
    unit = {"sku": SKU, "line_item_id": "1", "paid_price": "30.00", "paid_tax": "5.00", "tax_included": True,
            "reason": "Too small", "resolution": "RefundToPaymentMethod"}  # fmt: skip
    form = {"shop_name": PORTAL_SHOP, "order_name": order, "order_id": order.lstrip("#"), "currency": "GBP",
            "shop_currency": "GBP", "rate": "1", "units": [unit], "status": "Pending",
            "shipment": method != "No shipment required", "method": method}  # fmt: skip
    rma = str(bench.desk._post("/returngo/rmas", form | more)["rma_id"])
    for step in steps:
        bench.desk.act(rma, step)
    return order, rma


def live_from(bench: Bench, day: date | None) -> None:
    """Restart with this go-live date."""
    shop = bench.settings.shops[SHOP]
    changed = replace(shop, terms=replace(shop.terms, go_live=day))
    bench.settings = replace(bench.settings, shops={**bench.settings.shops, SHOP: changed})
    bench.parts = bench.worker()


def known(bench: Bench, rma: str) -> bool:
    return bool(bench.rows(t.returns, t.returns.c.rma_id == rma))


# -- through the poll -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps", [("approve", "receive", "done"), ("approve", "receive", "inspect", "done"), ("approve", "refund", "done")]
)
def test_a_return_received_and_done_between_two_polls_is_found_and_credited(
    portal: Bench, steps: tuple[str, ...]
) -> None:
    poll(portal)
    order, rma = a_return(portal, *steps)
    poll(portal)
    assert portal.the_return(rma)["nudges"] == 1
    portal.read()
    if "receive" in steps:
        assert portal.consume(rma) == "settled"
        assert len(portal.desk.authorised(order)) == 1


def test_goods_that_the_shopper_keeps_are_found_when_approved_and_done_between_two_polls(portal: Bench) -> None:
    poll(portal)
    order, rma = a_return(portal, "approve", "done", method="No shipment required")
    poll(portal)
    portal.read()
    assert portal.consume(rma) == "settled"
    assert len(portal.desk.authorised(order)) == 1


@pytest.mark.parametrize("end", ["cancel", "reject"])
def test_money_that_moved_on_a_return_that_ended_without_a_yes_is_seen(portal: Bench, end: str) -> None:
    poll(portal)
    refund = {"settles_after": "0", "outcome": "Success"}
    _, rma = a_return(portal, "approve")
    portal.desk._post(f"/returngo/rmas/{rma}/refund", refund)
    portal.desk.act(rma, end)
    poll(portal)
    portal.read()
    entry = portal.entry(rma, "refunds")
    portal.clock.forward(25 * 3600)
    consume.run(portal.parts, entry["id"])
    assert "REFUNDED_NOT_CREDITED" in [row["type"] for row in portal.exceptions()]


def test_a_found_return_is_read_once_however_often_the_poll_sees_it(portal: Bench) -> None:
    poll(portal)
    _, rma = a_return(portal, "approve", "receive", "done")
    for _ in range(3):
        poll(portal)
        portal.read()
    assert portal.the_return(rma)["nudges"] == 1
    assert portal.the_return(rma)["status"] == DONE


def test_a_return_from_before_go_live_is_left_out_without_a_reading(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    live_from(bench, (bench.clock() - 5 * DAY).date())
    old = (bench.clock() - 20 * DAY).isoformat()
    _, rma = a_return(bench, "approve", "receive", "done", created_at=old)
    poll(bench)
    assert not known(bench, rma)


def test_the_first_poll_of_a_shop_that_is_not_live_reads_no_ended_return(portal: Bench) -> None:
    live_from(portal, None)
    _, rma = a_return(portal, "approve", "receive", "done")
    poll(portal)
    assert not known(portal, rma)
    live_from(portal, date(2020, 1, 1))
    poll(portal)
    assert known(portal, rma), "with the go-live date it counts, although nothing of it changed since"


def test_a_request_that_is_answered_and_ended_between_two_polls_is_found_by_leaving_the_open_set(portal: Bench) -> None:
    _, rma = a_return(portal)
    poll(portal)
    portal.read()
    assert portal.the_return(rma)["status"] == PENDING
    portal.desk.act(rma, "approve")
    portal.desk.act(rma, "done")
    poll(portal)
    portal.read()
    assert portal.the_return(rma)["status"] == DONE


def test_a_poll_that_takes_long_leaves_no_hole_for_the_next(portal: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ReturnGo.summaries

    def slow(self: ReturnGo, *args: Any, **more: Any) -> Any:
        yield from original(self, *args, **more)
        portal.clock.forward(3600)

    monkeypatch.setattr(ReturnGo, "summaries", slow)
    began = portal.clock.now
    poll(portal)
    with portal.parts.ledger.read() as conn:
        kept = datetime.fromisoformat(cursors.cursor(conn, SHOP, "returngo:ended"))
    assert kept < began + timedelta(seconds=301)


# -- the decision -----------------------------------------------------------------------------------------------------


def row(rma: str, status: str = DONE, created: datetime | None = datetime(2026, 6, 1, tzinfo=UTC)) -> RmaSummary:
    return RmaSummary(rma, status, "#1", created)


def listed(*ended: RmaSummary, seen: tuple[RmaSummary, ...] = (), known: dict[str, str] | None = None) -> Listed:
    return Listed({s.rma_id: s for s in seen}, {s.rma_id: s for s in ended}, known or {})


def test_ten_thousand_returns_from_before_go_live_cost_no_reading() -> None:
    old = [row(str(n), created=datetime(2026, 2, 1, tzinfo=UTC)) for n in range(10_000)]
    assert find(listed(*old), GO_LIVE, UTC) == Found((), ())


def test_ended_returns_without_a_date_in_the_list_are_read_in_their_turn() -> None:
    assert find(listed(row("1", created=None)), GO_LIVE, UTC) == Found((), ("1",))


def test_many_readings_never_take_more_than_a_quarter_of_the_days_calls() -> None:
    pace = Pace(datetime(2026, 6, 1, tzinfo=UTC), place=0, daily_limit=2000)
    dues = [pace.due(number) for number in range(3000)]
    assert dues == sorted(dues)
    assert sum(due <= pace.now for due in dues) == 500
    for hours in range(1, 120):
        start = pace.now + timedelta(hours=hours)
        assert sum(start < due <= start + DAY for due in dues) <= 501
    assert Pace(pace.now, 500, 2000).due(0) > pace.now, "what waits already comes first"


def test_an_open_return_is_read_at_once_and_an_old_one_in_its_turn() -> None:
    seen = (row("1", "Received"), row("2", "Received", datetime(2025, 1, 1, tzinfo=UTC)))
    assert find(listed(seen=seen), GO_LIVE, UTC) == Found(("1",), ("2",))


def test_a_row_that_nobody_can_read_is_looked_at_by_its_number_and_makes_nobody_vanish() -> None:
    told = listed(seen=(row("1", "Received"),), known={"1": "Received", "2": "Approved", "3": "Approved"})
    assert find(told, GO_LIVE, UTC, ["2", "9"]) == Found(("3",), ("9",))
    assert find(told, GO_LIVE, UTC, [""]) == Found((), ())


def test_until_the_companys_zone_is_known_nothing_that_may_be_live_is_left_out() -> None:
    eve = row("1", created=datetime(2026, 2, 28, 11, tzinfo=UTC))
    assert find(listed(eve), GO_LIVE, EARLIEST_ZONE).in_turn == ("1",)
    assert find(listed(eve), GO_LIVE, UTC).in_turn == ()


@given(
    statuses=st.dictionaries(
        st.integers(1, 30).map(str),
        st.tuples(st.sampled_from([*OPEN_STATUSES, DONE, "Canceled"]), st.integers(-90, 90)),
    ),
    ours=st.dictionaries(st.integers(1, 40).map(str), st.sampled_from([*OPEN_STATUSES, DONE, "Canceled", ""])),
)
def test_every_listed_return_that_is_live_and_not_known_so_is_found(
    statuses: dict[str, tuple[str, int]], ours: dict[str, str]
) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    rows = [row(rma, status, start + timedelta(days=days)) for rma, (status, days) in statuses.items()]
    seen = tuple(one for one in rows if one.status in OPEN_STATUSES)
    found = find(listed(*(one for one in rows if one not in seen), seen=seen, known=ours), GO_LIVE, UTC)
    every = {*found.at_once, *found.in_turn}
    for one in rows:
        if standing(one.created_at, GO_LIVE, UTC) is GoLive.LIVE:
            assert (one.rma_id in every) == (ours.get(one.rma_id) != one.status)
    gone = {rma for rma, status in ours.items() if status in OPEN_STATUSES and rma not in statuses}
    assert gone <= every


def test_the_first_look_reaches_back_to_go_live_and_no_further_than_sixty_days() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    earliest = now - 60 * DAY
    assert first_look(date(2026, 5, 20), now, earliest) == datetime(2026, 5, 19, tzinfo=UTC)
    assert first_look(date(2020, 1, 1), now, earliest) == earliest
    assert first_look(date(2027, 1, 1), now, earliest) == now
    assert first_look(None, now, earliest) == earliest

"""Money out, from ReturnGO's transaction to the payment in Cin7's books, and the word that lets a refund go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.flow.inprocess import Line, Served, line, servers

TERMS = """
refund_owner = "returnline"
refund_release = "{release}"
write_off_account = "403"
check_restock_value = false

[shops.alder.terms.refund_accounts]
card = "712"
store_credit = "850"

[[shops.alder.terms.dispositions]]
reason = "Faulty"
disposition = "write_off"
"""
TEE = {"sku": "TEE-BLK-M", "quantity": "2", "price": "30"}
UNIT = {"sku": "TEE-BLK-M", "paid_price": "30.00", "paid_tax": "5.00", "resolution": "RefundToPaymentMethod"}
HOUR = 3600


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with servers(tmp_path_factory.mktemp("line")) as started:
        yield started


@pytest.fixture
def make(tmp_path: Path, served: Served) -> Iterator[Callable[..., Line]]:
    with ExitStack() as stack:

        def one(release: str = "none", **settings: Any) -> Line:
            terms = TERMS.format(release=release)
            return stack.enter_context(line(tmp_path, served, terms=terms, **settings))

        yield one


@pytest.fixture
def it(make: Callable[..., Line]) -> Line:
    return make()


def a_return(it: Line, order: str = "#1", status: str = "Received", **more: Any) -> str:
    it.sell(order, [TEE])
    rma, _ = it.open_rma(order, [{**UNIT, **more}], status)
    return rma


def refund(it: Line, rma: str, **more: Any) -> int:
    """The shopper is paid in ReturnGO, at once and for good unless said otherwise."""
    answer = it.control(f"/returngo/rmas/{rma}/refund", {"settles_after": "0", "outcome": "Success", **more})
    return answer["transaction_ids"][0]  # type: ignore[no-any-return]


def paid(it: Line) -> list[tuple[str, str, str]]:
    rows = it.books()["payments"]
    return [(row["amount"], row["account"], row["reference"]) for row in rows if row["type"] == "REFUND"]


def test_a_successful_refund_is_recorded_once_on_the_credit_note_of_its_items(it: Line) -> None:
    rma = a_return(it)
    number = refund(it, rma)
    it.nudge_and_settle(rma)
    it.nudge_and_settle(rma)
    [(amount, account, reference)] = paid(it)
    assert (float(amount), account) == (30.0, "712")
    assert reference.startswith("RL-")
    assert f"refund {number}" in reference

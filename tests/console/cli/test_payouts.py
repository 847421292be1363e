"""`returnline payouts import` and what the gaps make of it: each refund once, with its sign, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from pipeline.ledger import audit
from pipeline.ledger.gaps.board import GapItem
from pipeline.ledger.schema import all as t
from pipeline.ledger.schema import migrating
from schemas.gaps import Gap
from schemas.money import Money
from tests.console.cli.test_gaps import HEAD, Office
from tests.consumers.builders import a_unit, gbp
from tests.pipeline.ledger.gap_desk import DAY0, SHOP, GapDesk, here, refund_of, the_unit
from tests.pipeline.sheets.test_payout_files import PAYOUTS, TRANSACTIONS, transaction


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.desk.ledger.close()


def take(office: Office, *rows: str, words: tuple[str, ...] = (), head: str = HEAD) -> dict[str, object]:
    told = office.data("payouts", "import", office.payout_file("\n".join([head.strip(), *rows])), *words)
    assert isinstance(told, dict)
    return told


def refused(office: Office, *rows: str, words: tuple[str, ...] = ()) -> str:
    result = office.run("payouts", "import", office.payout_file("\n".join([HEAD.strip(), *rows])), *words)
    assert result.exit_code == 1, result.output
    return str(result.stderr)


def unmatched(office: Office, days: float = 30) -> list[GapItem]:
    return office.desk.after(days, Gap.PAYOUT_UNMATCHED)


def credited(desk: GapDesk, *refunds: object, order: str = "#1001") -> None:
    """A return whose unit is credited and refunded."""
    desk.told(here(order_name=order, transactions=refunds))
    desk.credited()


# -- parts, corrections, signs ----------------------------------------------------------------------------------------


def test_the_parts_of_one_refund_in_one_payout_are_added_up(office: Office) -> None:
    credited(office.desk, refund_of("u1"))
    rows = ("po-1,r-1,-20,GBP,2026-03-02", "po-1,r-1,-16,GBP,2026-03-02")
    assert take(office, *rows) == {"shop": "alder", "lines": 1, "new": 1}
    assert take(office, *rows) == {"shop": "alder", "lines": 1, "new": 0}
    assert unmatched(office) == []


def test_a_corrected_file_is_refused_with_both_figures_and_nothing_of_it_is_taken(office: Office) -> None:
    take(office, "po-1,r-1,36.00,GBP,2026-03-02")
    told = refused(office, "po-1,r-2,5,GBP,2026-03-02", "po-1,r-1,35.00,GBP,2026-03-02")
    assert told.startswith("line 3: ")
    assert "36.00 GBP" in told
    assert "35.00 GBP" in told
    assert "--replace" in told
    assert office.desk.count(t.payouts) == 1


def test_a_corrected_file_replaces_when_told_so_and_the_audit_keeps_both_figures(office: Office) -> None:
    take(office, "po-1,r-1,36.00,GBP,2026-03-02", "po-1,r-2,5,GBP,2026-03-02")
    told = take(office, "po-1,r-1,35.00,GBP,2026-03-03", words=("--replace",))
    assert (told["new"], office.desk.count(t.payouts)) == (0, 2)
    with office.desk.ledger.read() as conn:
        row = audit.rows(conn, did="payouts.import")[0]
    assert (row["who"], row["details"]["file"]) == ("ann", "payouts.csv")
    assert row["details"]["replaced"] == [
        {
            "payout_id": "po-1",
            "refund_id": "r-1",
            "before": "36.00 GBP of 2026-03-02",
            "after": "35.00 GBP of 2026-03-03",
        }
    ]


@pytest.mark.parametrize(
    "files",
    [
        [("po-1,r-1,-36,GBP,2026-03-02", "po-1,r-1,36,GBP,2026-03-02")],
        [("po-1,r-1,-36,GBP,2026-03-02", "po-2,r-1,36,GBP,2026-03-03")],
        [("po-1,r-1,-36,GBP,2026-03-02",), ("po-2,r-1,36,GBP,2026-03-03",)],
        [("po-1,r-1,-36,GBP,2026-03-02",), ("po-2,r-1,36,GBP,2026-03-03", "po-2,r-2,-1,GBP,2026-03-03")],
        [("po-1,r-1,36,GBP,2026-03-02",), ("po-1,r-1,36,GBP,2026-03-02",), ("po-2,r-1,-36,GBP,2026-03-03", "P")],
    ],
)
def test_money_that_came_back_is_not_paid_twice(office: Office, files: list[tuple[str, ...]]) -> None:
    credited(office.desk, refund_of("u1"))
    for rows in files:
        words = ("--refunds-are", "positive") if rows[-1] == "P" else ()
        for _ in range(2):
            take(office, *(row for row in rows if row != "P"), words=words)
    with office.desk.ledger.read() as conn:
        amounts = conn.execute(sa.select(t.payouts.c.amount).where(t.payouts.c.refund_id == "r-1")).scalars()
        assert sum(amounts) == 0
    items = [item for item in unmatched(office) if item.rma]
    assert [item.money for item in items] == [gbp("36")]
    assert "came back" in items[0].cause


def test_a_sign_that_could_mean_two_things_is_refused_until_somebody_says_it(office: Office) -> None:
    rows = ("po-1,r-1,36,GBP,2026-03-02", "po-1,r-2,-20,GBP,2026-03-02")
    told = refused(office, *rows)
    assert told.startswith("line 2: refund r-1 of 36.00 GBP has another sign")
    assert office.desk.count(t.payouts) == 0
    assert take(office, *rows, words=("--refunds-are", "positive"))["new"] == 2


def test_one_refund_in_two_currencies_is_named(office: Office) -> None:
    told = refused(office, "po-1,r-1,36,GBP,2026-03-02", "po-1,r-1,3,EUR,2026-03-02")
    assert "line 3: refund r-1 is in GBP on line 2 and in EUR here" in told


def test_an_id_of_either_side_may_be_a_global_id(office: Office) -> None:
    credited(office.desk, refund_of("u1", reference="gid://shopify/Refund/895464123456"))
    take(office, "po-1,895464123456.0,36,GBP,2026-03-02")
    assert unmatched(office) == []


# -- what an older import left ----------------------------------------------------------------------------------------


def test_gaps_live_with_an_amount_that_no_refund_can_have_and_say_how_to_mend_it(office: Office) -> None:
    credited(office.desk, refund_of("u1"))
    take(office, "po-1,r-1,36,GBP,2026-03-02")
    with office.desk.ledger.write() as conn:
        conn.execute(t.payouts.update().values(amount=Decimal("1E+17")))
        conn.execute(sa.text("update payouts set amount = '1" + "0" * 30 + "'"))
    result = office.run("gaps")
    assert result.exit_code == 0, result.output
    told = [item.cause for item in unmatched(office)]
    assert [cause for cause in told if "no refund is that large" in cause and "--replace" in cause]
    assert "--replace" in refused(office, "po-1,r-1,36,GBP,2026-03-02")
    take(office, "po-1,r-1,36,GBP,2026-03-02", words=("--replace",))
    assert unmatched(office) == []


# -- Shopify's own exports --------------------------------------------------------------------------------------------


def test_shopifys_transactions_export_is_matched_by_order_amount_and_day(office: Office) -> None:
    credited(office.desk, refund_of("u1"))
    rows = (transaction("charge", amount="72.00"), transaction())
    assert take(office, *rows, head=TRANSACTIONS)["new"] == 1
    assert take(office, *rows, head=TRANSACTIONS)["new"] == 0
    assert unmatched(office) == []


def test_a_line_of_a_known_order_without_a_credit_note_is_that_refunds_gap(office: Office) -> None:
    office.desk.told(here(order_name="1001", transactions=(refund_of("u1"),)))
    take(office, transaction(), head=TRANSACTIONS)
    (item,) = unmatched(office)
    assert (item.rma, item.money) == ("RMA1001", gbp("36.00"))
    assert "no credit note covers it" in item.cause


def test_parts_of_a_refund_on_one_order_are_added_up(office: Office) -> None:
    credited(office.desk, refund_of("u1"))
    take(office, transaction(amount="-20.00"), transaction(amount="-16.00"), head=TRANSACTIONS)
    assert unmatched(office) == []


def test_a_refund_in_the_shoppers_currency_is_matched_by_what_the_shopper_got(office: Office) -> None:
    euros = refund_of("u1", amount="41", shop_amount=gbp("36"))
    credited(office.desk, replace(euros, amount=Money(Decimal(41), "EUR")))
    row = transaction(amount="-35.40").replace(",35.40,GBP,GBP", ",41.00,EUR,GBP")
    take(office, row, head=TRANSACTIONS)
    assert unmatched(office) == []


def test_another_amount_on_the_order_is_told_once_with_both_figures(office: Office) -> None:
    credited(office.desk, refund_of("u1"))
    take(office, transaction(amount="-30.00"), head=TRANSACTIONS)
    (item,) = unmatched(office)
    assert (item.rma, item.money) == ("RMA1001", gbp("6.00"))
    assert "30.00 GBP" in item.cause
    assert "36.00 GBP" in item.cause


def two_refunds(desk: GapDesk, apart: timedelta) -> None:
    first = refund_of("u1", amount="18")
    second = refund_of("u1", amount="18", reference="r-2", transaction_id="tx-2", at=DAY0 + apart)
    credited(desk, first, second)


def test_one_line_for_two_refunds_of_one_amount_is_a_question_and_no_guess(office: Office) -> None:
    two_refunds(office.desk, timedelta(hours=1))
    take(office, transaction(amount="-18.00"), head=TRANSACTIONS)
    (item,) = unmatched(office)
    assert "compare them by hand" in item.cause
    assert item.money == gbp("18.00")


def test_the_day_decides_between_two_refunds_of_one_amount(office: Office) -> None:
    two_refunds(office.desk, timedelta(days=3))
    take(office, transaction(amount="-18.00"), transaction("charge", "#2"), head=TRANSACTIONS)
    take(office, "po-9,r-77,1,GBP,2026-03-20")
    told = sorted(item.cause for item in unmatched(office) if item.rma)
    assert told == ["no imported payout holds refund r-2"]


def test_two_lines_for_two_refunds_of_one_amount_need_no_answer(office: Office) -> None:
    two_refunds(office.desk, timedelta(hours=1))
    take(office, transaction(amount="-18.00"), transaction(amount="-18.00"), head=TRANSACTIONS)
    assert unmatched(office) == []


def test_a_refund_that_came_back_is_not_in_the_payout(office: Office) -> None:
    credited(office.desk, refund_of("u1"))
    take(office, transaction(), transaction("refund_failure", amount="36.00"), head=TRANSACTIONS)
    (item,) = unmatched(office)
    assert (item.rma, item.money) == ("RMA1001", gbp("36"))


def test_a_line_of_an_order_without_return_is_a_stranger(office: Office) -> None:
    credited(office.desk, refund_of("u1"))
    take(office, transaction(), transaction(order="#1002", amount="-5.00"), head=TRANSACTIONS)
    (item,) = unmatched(office)
    assert (item.rma, item.money) == ("", gbp("5.00"))
    assert "a refund on order #1002" in item.cause


def test_a_line_of_another_season_is_not_this_refund(office: Office) -> None:
    credited(office.desk, refund_of("u1", at=DAY0 + timedelta(days=40)))
    take(office, transaction(), head=TRANSACTIONS)
    (item,) = unmatched(office, 60)
    assert item.rma == ""


def test_a_refund_imported_with_its_id_is_not_looked_for_by_its_order(office: Office) -> None:
    office.desk.told(
        here(
            units=(the_unit(), a_unit("u2")),
            transactions=(refund_of("u1"), refund_of("u1", reference="r-2", transaction_id="tx-2")),
        )
    )
    office.desk.credited()
    take(office, "po-1,r-1,36,GBP,2026-03-02")
    take(office, transaction(), head=TRANSACTIONS)
    assert unmatched(office) == []


def test_a_refund_imported_with_its_id_and_by_its_order_is_one_refund(office: Office) -> None:
    credited(office.desk, refund_of("u1"))
    take(office, "po-1,r-1,36,GBP,2026-03-04")
    take(office, transaction(), head=TRANSACTIONS)
    assert unmatched(office) == []


def test_a_ledger_from_before_orders_were_kept_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    command.upgrade(migrating._config(url), "0001")
    old = {"shop": SHOP, "payout_id": "po-1", "refund_id": "895464123456.0", "amount": "36", "currency": "GBP"}
    with sa.create_engine(url).begin() as conn:
        names = ", ".join([*old, "settled_at", "imported_at"])
        given = ", ".join(f":{name}" for name in [*old, "at", "at"])
        conn.execute(sa.text(f"insert into payouts ({names}) values ({given})"), {**old, "at": "2026-03-02 00:00:00"})
    desk = GapDesk(tmp_path)
    credited(desk, refund_of("u1", reference="895464123456"))
    assert desk.after(30, Gap.PAYOUT_UNMATCHED) == []
    desk.ledger.close()


def test_shopifys_payouts_export_says_when_the_refunds_of_a_day_are_not_all_there(office: Office) -> None:
    credited(office.desk, refund_of("u1"))
    take(office, "2026-03-04,paid,72.00,-36.00,0,0,-1.00,0,35.00,GBP,REF", head=PAYOUTS)
    (item,) = unmatched(office)
    assert (item.rma, item.money) == ("", gbp("36.00"))
    assert "import the payment transactions" in item.cause
    take(office, transaction(), head=TRANSACTIONS)
    assert unmatched(office) == []


def test_a_workbook_is_refused_by_its_content_and_not_by_its_name(office: Office) -> None:
    path = office.folder / "payouts.csv"
    path.write_bytes(b"PK\x03\x04\x14\x00")
    result = office.run("payouts", "import", str(path))
    assert result.exit_code == 1
    assert "save it as CSV UTF-8" in result.stderr

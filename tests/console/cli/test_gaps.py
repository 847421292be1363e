"""`returnline gaps` and `returnline payouts` as finance uses them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from console.cli import main
from console.cli._sheet import safe
from pipeline.ledger.schema import all as t
from schemas.gaps import Gap
from tests.consumers.builders import a_unit
from tests.pipeline.ledger.gap_desk import DAY0, GapDesk, here, on_its_way, refund_of
from tests.pipeline.ledger.letters_desk import CONFIG

LIVE = "\n[shops.alder.terms]\ngo_live = 2026-01-01\n"
HEAD = "payout_id,refund_id,amount,currency,settled\n"


class Office:
    """The desk, and commands on its ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.desk = GapDesk(folder / "data")
        (folder / "returnline.toml").write_text(CONFIG + LIVE)

    def run(self, *words: str) -> Result:
        told = ["--config", str(self.folder / "returnline.toml"), "--data", str(self.folder / "data")]
        return CliRunner().invoke(main, [*words, *told], env={"COLUMNS": "300", "USER": "ann"})

    def data(self, *words: str) -> Any:
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def payout_file(self, text: str) -> str:
        path = self.folder / "payouts.csv"
        path.write_text(text)
        return str(path)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.desk.ledger.close()


def then(days: float) -> str:
    return (DAY0 + timedelta(days=days)).isoformat()


def test_the_report_counts_by_age_and_owner_and_always_names_the_oldest(office: Office) -> None:
    office.desk.told(here())
    shown = office.run("gaps", "--as-of", then(20)).output
    assert "received-not-credited" in shown
    assert "oldest: received-not-credited of RMA1001" in shown
    told = office.data("gaps", "--as-of", then(20))
    row = next(row for row in told["gaps"] if row["gap"] == "received-not-credited")
    assert (row["count"], row["money"], row["ages"]["15-30"]["count"]) == (1, {"GBP": "36"}, 1)


def test_a_gap_can_be_opened_down_to_its_returns(office: Office) -> None:
    office.desk.told(here())
    office.desk.told(here(rma_id="RMA1002", units=(a_unit("u2"),)))
    shown = office.run("gaps", "--gap", "received-not-credited", "--as-of", then(5)).output
    assert "RMA1001" in shown
    assert "RMA1002" in shown
    assert "received-not-stocked" not in shown
    alone = office.data("gaps", "--rma", "RMA1002", "--as-of", then(5))
    assert {row["rma"] for row in alone["items"]} == {"RMA1002"}


def test_each_owner_sees_their_own(office: Office) -> None:
    office.desk.told(here())
    told = office.data("gaps", "--owner", "operations", "--as-of", then(5))
    assert {row["gap"] for row in told["items"]} == {"received-not-stocked"}


def test_the_items_come_as_csv_with_exact_amounts(office: Office) -> None:
    office.desk.told(here(order_name="=1+1"))
    result = office.run("gaps", "--csv", "--as-of", then(5))
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    mine = next(row for row in rows if row["gap"] == "received-not-credited")
    assert (mine["rma"], mine["money"], mine["currency"], mine["order"]) == ("RMA1001", "36", "GBP", "'=1+1")


def test_nothing_open_is_said_in_words(office: Office) -> None:
    assert "no gaps at" in office.run("gaps").output


def test_a_shop_that_is_not_live_is_named(office: Office) -> None:
    (office.folder / "returnline.toml").write_text(CONFIG)
    assert "no go-live date: alder" in office.run("gaps").output


def test_month_end_sees_what_is_still_inside_its_patience(office: Office) -> None:
    office.desk.told(on_its_way(transactions=(refund_of("u1"),)))
    assert office.data("gaps", "--as-of", then(0.5))["items"] == []
    inside = office.data("gaps", "--as-of", then(0.5), "--any-age")["items"]
    assert {row["gap"] for row in inside} == {"refunded-not-received", "refunded-not-credited"}


def test_a_payout_file_is_taken_once_however_often_it_is_imported(office: Office) -> None:
    path = office.payout_file(HEAD + "po-1,r-1,-36.00,gbp,2026-03-02\n")
    assert office.data("payouts", "import", path) == {"shop": "alder", "lines": 1, "new": 1}
    assert office.data("payouts", "import", path) == {"shop": "alder", "lines": 1, "new": 0}
    assert office.desk.count(t.payouts) == 1
    (item,) = office.desk.after(9, Gap.PAYOUT_UNMATCHED)
    assert str(item.money) == "36.00 GBP"


def test_every_bad_line_of_a_payout_file_is_named_and_nothing_is_taken(office: Office) -> None:
    text = HEAD + "po-1,r-1,36,GBP,2026-03-02\n,r-2,1,GBP,2026-03-02\npo-1,r-3,x,GBP,2026-03-02\npo-1,r-4,1,GBP,soon\n"
    result = office.run("payouts", "import", office.payout_file(text))
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["line 3", "line 4", "line 5"]
    assert office.desk.count(t.payouts) == 0


def test_a_file_with_other_columns_says_which_are_needed(office: Office) -> None:
    result = office.run("payouts", "import", office.payout_file("a,b\n1,2\n"))
    assert result.exit_code == 1
    assert "payout_id,refund_id,amount,currency,settled" in result.stderr


@pytest.mark.parametrize(
    ("cell", "shown"), [("=1+1", "'=1+1"), ("@x", "'@x"), ("-5.20", "-5.20"), ("#1001", "#1001"), (None, "")]
)
def test_text_from_outside_never_becomes_a_formula(cell: str | None, shown: str) -> None:
    assert safe(cell) == shown


def test_month_end_shows_checks_and_proposals_and_gives_them_as_csv(office: Office) -> None:
    office.desk.told(here(transactions=(refund_of("u1", at=DAY0 + timedelta(days=32)),)))
    shown = office.run("month-end", "2026-03-31").output
    assert "refunds payable" in shown
    assert "36.00 GBP" in shown
    (row,) = csv.DictReader(io.StringIO(office.run("month-end", "2026-03-31", "--csv").stdout))
    assert (row["accrual"], row["rma"], row["amount"], row["currency"]) == ("refunds payable", "RMA1001", "36", "GBP")
    assert office.data("month-end", "2026-03-31")["shops"][0]["shop"] == "alder"


def test_the_figures_can_be_read_and_taken_as_data(office: Office) -> None:
    office.desk.told(here())
    office.desk.credited(at=DAY0 + timedelta(hours=6))
    span = ("--since", then(-1), "--until", then(5))
    assert "received to credited" in office.run("kpis", *span).output
    assert office.data("kpis", *span)["returns_credited"] == 1

"""The page of faults is what the tests say it is."""

from __future__ import annotations

import re

from tests.faults.report import PAGE, page


def test_the_page_of_faults_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run `python -m tests.faults.report`"


def test_every_row_names_a_fault_of_the_catalogue() -> None:
    numbers = [int(n) for n in re.findall(r"\bF(\d\d)\b", page())]
    assert numbers
    assert all(1 <= n <= 85 for n in numbers)

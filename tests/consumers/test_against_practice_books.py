"""The decisions against the practice Cin7: its validation must accept what we plan, and its books must end up equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from consumers.case import Case
from schemas.actions import PostCreditNote
from schemas.cin7.bodies import credit_note_body
from schemas.cin7.sales import read_sale
from schemas.concerns import ConcernType
from schemas.json.exact import dumps
from schemas.sales import Sale, TaxRule
from schemas.terms import Terms
from tests.consumers.builders import MAIN, VAT, a_case, a_return, a_unit, d, done
from tests.consumers.credit_notes.money_stories import a_credit, a_refund, money_terms
from tests.consumers.decide import decided, the_note
from tests.sandbox.cin7.desk import API, CREDENTIALS, Desk, cin7_desk

ACCEPTED = frozenset({ConcernType.AMOUNT_MISMATCH, ConcernType.RETURN_OF_EXCHANGE})


def the_sale(desk: Desk, sale_id: str) -> Sale:
    return read_sale(desk.get("sale", ID=sale_id))


def post(desk: Desk, action: PostCreditNote) -> None:
    body = dumps(credit_note_body(action, "AUTHORISED", action.task_id))
    answer = desk.send("POST", API + "sale/creditnote", content=body, headers=CREDENTIALS)
    assert answer.status_code == 200, answer.text


def credited(desk: Desk, case: Case, sale_id: str, terms: Terms | None = None) -> Case:
    """Plan, post, and write the effect down as the ledger would."""
    sale = the_sale(desk, sale_id)
    shelf = replace(MAIN, location_id=desk.location(MAIN.name))
    rules = [TaxRule(VAT, d(20), active=True, for_sale=True)]
    note = the_note(decided(case, sale, terms, locations=[shelf], tax_rules=rules))
    post(desk, note)
    return replace(case, effects=(*case.effects, replace(done(*note.units, number=""), key=note.key)))


def return_in_parts(desk: Desk, spec: dict[str, Any], split: Sequence[int], sku: str = "TEE-BLK-M") -> Sale:
    sale_id = desk.sale(kind="Advanced Sale", **spec)["sale_id"]
    case = a_case(accepted=ACCEPTED)
    for part in range(len(split)):
        units = [a_unit(f"u{n}", sku, currency=spec.get("currency", "GBP")) for n in range(sum(split[: part + 1]))]
        case = credited(desk, replace(case, ret=a_return(*units)), sale_id)
    return the_sale(desk, sale_id)


def spec(quantity: int, price: str, **more: Any) -> dict[str, Any]:
    discount = more.pop("discount", "0")
    lines = [{"sku": "TEE-BLK-M", "quantity": str(quantity), "price": price, "discount": discount}]
    return {"order_name": "#1001", "lines": lines, **more}


SALES = [
    spec(10, "23.90", discount="25", tax_inclusive=True),
    spec(3, "9.99", tax_inclusive=True),
    spec(10, "82.50", discount="15"),
    spec(7, "12.3457", discount="33.33"),
    spec(3, "33.3333", currency="EUR", rate="1.1626"),
]


@pytest.mark.parametrize("rule", ["plain", "plus_tax"])
@pytest.mark.parametrize("sold", SALES)
def test_a_line_returned_in_parts_is_accepted_each_time_and_credited_to_the_last_ten_thousandth(
    sold: dict[str, Any], rule: str
) -> None:
    quantity = int(sold["lines"][0]["quantity"])
    with cin7_desk(total_rule=rule) as desk:
        sale = return_in_parts(desk, sold, [1, quantity - 2, 1])
    notes = [note for note in sale.credit_notes if note.real]
    [invoice] = sale.invoices
    assert len(notes) == 3
    assert sum(note.total.amount for note in notes) == invoice.total.amount
    assert sum(note.tax.amount for note in notes) == invoice.tax.amount
    assert {note.rate for note in notes} == {invoice.rate}


@pytest.mark.parametrize("rule", ["plain", "plus_tax"])
@pytest.mark.parametrize("inclusive", [True, False])
def test_notes_with_fees_shipping_and_bonus_are_accepted_and_move_the_books_by_just_that(
    rule: str, inclusive: bool
) -> None:
    price, gross = ("30", "30") if inclusive else ("25", "30")
    sold = spec(3, price, tax_inclusive=inclusive, charges=[{"price": "6" if inclusive else "5"}])
    with cin7_desk(total_rule=rule) as desk:
        sale_id = desk.sale(kind="Advanced Sale", **sold)["sale_id"]
        owed = desk.balance("610")
        units = [a_unit(f"u{n}", paid=gross, tax="5", restocking_fee=d("1.99")) for n in range(3)]
        first = a_return(units[0], transactions=(a_refund("34.01", "u0"),))
        case = credited(desk, a_case(first), sale_id, money_terms())
        rest = a_return(*units, transactions=(*first.transactions, a_credit("66.66", "u1", "u2", number="t2")))
        credited(desk, replace(case, ret=rest), sale_id, money_terms())
        sale = the_sale(desk, sale_id)
        assert [note.total.amount for note in sale.notes()] == [d("34.01"), d("66.66")]
        assert owed - desk.balance("610") == d("100.67")


def test_every_returned_piece_is_back_on_the_shelf() -> None:
    with cin7_desk() as desk:
        before = desk.on_hand("TEE-BLK-M")
        return_in_parts(desk, spec(3, "30"), [1, 2])
        assert desk.on_hand("TEE-BLK-M") == before


def test_a_simple_sale_takes_the_note_under_its_own_id() -> None:
    with cin7_desk() as desk:
        sale_id = desk.sale(**spec(1, "30"))["sale_id"]
        credited(desk, a_case(accepted=ACCEPTED), sale_id)
        [note] = the_sale(desk, sale_id).notes()
        assert (note.task_id, note.restock_status) == (sale_id, "AUTHORISED")

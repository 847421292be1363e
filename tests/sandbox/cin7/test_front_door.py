from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from sandbox.cin7 import render
from tests.sandbox.cin7.desk import API, CREDENTIALS, Desk, cin7_desk

LIMIT_TEXT = "You have reached 60 calls per 60 seconds API limit."


@pytest.mark.parametrize("header", sorted(CREDENTIALS))
def test_wrong_credentials_are_forbidden(desk: Desk, header: str) -> None:
    wrong = CREDENTIALS | {header: "c0000000-0000-4000-8000-000000000009"}
    assert desk.send("GET", f"{API}me", headers=wrong).status_code == 403


def test_credentials_are_compared_without_regard_to_case(desk: Desk) -> None:
    upper = {name: value.upper() for name, value in CREDENTIALS.items()}
    assert desk.send("GET", f"{API}me", headers=upper).status_code == 200


@pytest.mark.parametrize("path", ["nonsense", "ref/saletasklist", "creditnote", "users"])
def test_an_unknown_path_is_a_page_with_status_200(desk: Desk, path: str) -> None:
    response = desk.ask("GET", path)
    assert (response.status_code, "Page not found" in response.text) == (200, True)
    assert response.headers["content-type"].startswith("text/html")


def test_the_case_of_a_path_does_not_matter(desk: Desk) -> None:
    assert desk.get("SALELIST") == desk.get("saleList")


def test_a_method_that_is_not_there_is_405(desk: Desk) -> None:
    response = desk.ask("PUT", "sale/creditnote", {})
    assert response.status_code == 405
    assert "does not support http method 'PUT'" in response.text


def test_a_body_that_is_no_json_is_a_500(desk: Desk) -> None:
    response = desk.send("POST", f"{API}sale/creditnote", content=b"{nope", headers=CREDENTIALS)
    assert response.status_code == 500


def test_an_unknown_account_code_is_an_error_and_not_an_empty_list(desk: Desk) -> None:
    assert "Account with specified ID not found" in desk.refusal("GET", "ref/account", Code="999")
    assert desk.get("ref/account", Code="200")["Total"] == 1


def test_a_wrong_task_is_a_400_with_a_404_inside(desk: Desk) -> None:
    response = desk.ask("GET", "sale", ID="d0000000-0000-4000-8000-000000000000")
    assert (response.status_code, response.json()[0]["ErrorCode"]) == (400, 404)


@pytest.mark.parametrize(
    ("shape", "start"), [("array", "[{"), ("object", "{"), ("string", '"'), ("text", "Account"), ("html", "<html>")]
)
def test_a_refusal_has_many_shapes(desk: Desk, shape: str, start: str) -> None:
    desk.set(error_shape=shape)
    assert desk.refusal("GET", "ref/account", Code="999").startswith(start)


def test_the_same_seed_gives_the_same_shapes() -> None:
    def shapes() -> list[str]:
        with cin7_desk(seed=11, error_shape="seeded") as desk:
            return [desk.refusal("GET", "ref/account", Code="999")[:2] for _ in range(20)]

    first = shapes()
    assert first == shapes()
    assert len(set(first)) > 1


def test_the_61st_call_in_a_minute_is_refused(desk: Desk) -> None:
    desk.set(quota=60, throttle_form="429")
    codes = [desk.ask("GET", "me").status_code for _ in range(61)]
    assert codes == [200] * 60 + [429]
    refused = desk.ask("GET", "me")
    assert (refused.text, refused.headers["retry-after"]) == (LIMIT_TEXT, "60 Seconds")


def test_good_answers_carry_no_rate_headers(desk: Desk) -> None:
    assert not [name for name in desk.ask("GET", "me").headers if "rate" in name]


def test_refused_calls_use_up_quota_too(desk: Desk) -> None:
    desk.set(quota=2, throttle_form="429", quota_counts_refused=True)
    for _ in range(3):
        desk.ask("GET", "me")
    desk.control("POST", "/clock", {"advance_seconds": 59})
    assert desk.ask("GET", "me").status_code == 429
    desk.control("POST", "/clock", {"advance_seconds": 2})
    assert desk.ask("GET", "me").status_code == 200


def test_each_key_has_a_quota_of_its_own(desk: Desk) -> None:
    desk.set(quota=1, throttle_form="503", throttle_retry_after=None)
    desk.ask("GET", "me")
    refused = desk.ask("GET", "me")
    assert (refused.status_code, "retry-after" in refused.headers) == (503, False)
    other = CREDENTIALS | {"api-auth-applicationkey": "b0000000-0000-4000-8000-000000000002"}
    assert desk.send("GET", f"{API}me", headers=other).status_code == 200


def test_a_quota_refusal_may_look_like_a_bad_request(desk: Desk) -> None:
    desk.set(quota=0, throttle_form="400")
    refused = desk.ask("GET", "me")
    assert (refused.status_code, "calls per 60 seconds" in refused.json()[0]["Exception"]) == (400, True)
    assert desk.control("GET", "/calls?system=cin7")[-1]["throttled"] is True


def test_the_call_log_names_the_key_the_path_and_the_status(desk: Desk) -> None:
    desk.ask("GET", "saleList", Page=1)
    (call,) = desk.control("GET", "/calls?path=salelist")
    assert (call["caller"], call["query"], call["status"]) == (CREDENTIALS["api-auth-applicationkey"], "Page=1", 200)


@pytest.mark.parametrize(("key", "text"), [("Quantity", "30"), ("Available", "30.0"), ("Price", "30.0000")])
def test_whole_numbers_come_in_three_forms(key: str, text: str) -> None:
    assert render.number_form(Decimal(30), key) == text


def test_numbers_are_written_as_json_numbers_without_losing_a_digit() -> None:
    assert render.dumps({"Tax": Decimal("1826.0869"), "Name": "1.5", "Price": Decimal("0.10")}) == (
        b'{"Tax": 1826.0869, "Name": "1.5", "Price": 0.1}'
    )


def test_dates_have_a_z_on_some_records_only(desk: Desk) -> None:
    for number in range(12):
        desk.sale(order_name=str(number), lines=[{"sku": "SOCK-3PK", "quantity": "1"}])
    ends = {row["OrderDate"][-1] for row in desk.get("saleList")["SaleList"]}
    assert ends == {"Z", "0"}


def test_timestamps_drop_trailing_zeros_and_payments_have_seven_digits() -> None:
    moment = datetime(2026, 3, 5, 8, 11, 42, 650000, tzinfo=UTC)
    assert render.stamp(moment) == "2026-03-05T08:11:42.65Z"
    assert re.fullmatch(r".*:42\.\d{7}Z", render.long_stamp(moment))


def test_products_without_a_limit_are_the_same_first_page_for_ever(desk: Desk) -> None:
    assert desk.get("product", Page=2)["Products"] == desk.get("product", Page=1)["Products"]
    assert desk.get("product", Page=2, Limit=100)["Products"] == []


def test_percentages_of_tax_components_are_strings_with_ten_decimals(desk: Desk) -> None:
    (rule,) = desk.get("ref/tax", Name="20% (VAT on Income)")["TaxRuleList"]
    assert (rule["TaxPercent"], rule["Components"][0]["Percent"]) == (20, "20.0000000000")
    assert desk.get("ref/tax", IsActive="false")["Total"] == 1


def test_only_deprecated_locations_are_listed_when_asked_for(desk: Desk) -> None:
    names = [row["Name"] for row in desk.get("ref/location", Deprecated="true")["LocationList"]]
    assert names == ["Old Shop"]
    assert [row["Bins"] for row in desk.get("ref/location", Name="Returns")["LocationList"]] == [None]


def test_the_journal_lines_of_a_credit_note_are_of_type_sale(desk: Desk) -> None:
    desk.post("sale/creditnote", desk.note(desk.sale()))
    rows = desk.get("transactions", Account="200", FromDate="2026-03-20")["Transactions"]
    assert [(row["Reference"], row["Type"], row["DebitAccountCode"]) for row in rows] == [
        ("INV-19001/CR-00731", "Sale", "200")
    ]
    assert sum(row["Amount"] for row in rows) == 30


def test_an_unknown_setting_is_refused_with_the_known_ones(desk: Desk) -> None:
    answer = desk.send("PATCH", "/control/settings", json={"total_rul": "plain"})
    assert answer.status_code == 400
    assert "total_rule" in answer.json()["error"]


def test_a_reset_world_is_as_new(desk: Desk) -> None:
    sale = desk.sale()
    desk.control("POST", "/reset", {})
    assert desk.get("saleList")["Total"] == 0
    assert desk.sale()["sale_id"] == sale["sale_id"]


def test_a_body_of_the_wrong_shape_is_a_500_and_changes_nothing(desk: Desk) -> None:
    body = desk.note(desk.sale(), Lines=["tee"])
    assert desk.ask("POST", "sale/creditnote", body).status_code == 500
    assert desk.get("saleCreditNoteList")["Total"] == 0


def test_a_world_set_back_in_time_still_lets_windows_run_out(desk: Desk) -> None:
    desk.control("POST", "/clock", {"now": "2026-03-20T09:00:00Z"})
    desk.set(quota=1, throttle_form="429")
    desk.ask("GET", "me")
    assert desk.ask("GET", "me").status_code == 429
    desk.control("POST", "/clock", {"advance_seconds": 61})
    assert desk.ask("GET", "me").status_code == 200

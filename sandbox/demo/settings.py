"""The settings file of a demo: one installation, several shops with terms of their own, one practice company."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.demo.day.words import (
    ALDER,
    BIRCH,
    BUFFER,
    CEDAR,
    DAMAGED,
    FEE_INCOME,
    PAID_FROM,
    SHOPS,
    TO_CARD,
    TO_STORE_CREDIT,
    VAT_20,
    WRITE_OFFS,
)

PORTAL_KEY, SHOPIFY_TOKEN = "practice-key", "practice-token"
#: The practice company's time zone.
LONDON = ZoneInfo("Europe/London")

_HEAD = """\
# Written for one demo: the intervals are seconds where a real installation takes minutes.
prefix = "{prefix}:"

[ingress]
port = 0
metrics_token = "{metrics}"

[intervals]
sweep = 0.5
returngo_poll = 4
transactions_poll = 5
rotation = 3600
sales_poll = 2
notes_poll = 10
drafts_poll = 3
reference_refresh = 12
webhook_watchdog = 60
lookup_waits = [0.5, 1, 2]
quiet_period = 5
write_deadline = 2
read_deadline = 3
lease = 10
park_min = 1
park_max = 30
quota_patience = 5
availability_min = 5
availability_max = 10
task_soft_limit = 20
task_limit = 30
visibility = 90
"""

_SHOP = """
[shops.{shop}.returngo]
base_url = "{portal_url}"
shop_name = "{domain}"
api_key = "{portal_key}"
daily_limit = {portal_calls}

[shops.{shop}.cin7]
base_url = "{cin7_url}"
account_id = "{account}"
application_key = "{key}"
limit = {quota}

[shops.{shop}.hooks]
token = "{token}"
bearer = "{bearer}"
{more}
[shops.{shop}.terms]
go_live = {go_live}
gate = "received"
sellable_location = "Main Warehouse"
sellable_locations = ["Main Warehouse"]
quarantine_location = "Quarantine"
write_off_account = "{write_offs}"
{terms}
[[shops.{shop}.terms.dispositions]]
reason = "{damaged}"
disposition = "write_off"

[[shops.{shop}.terms.dispositions]]
reason = "*"
finding = "not_restockable"
disposition = "quarantine"

[[shops.{shop}.terms.dispositions]]
reason = "Faulty"
disposition = "quarantine"

[[shops.{shop}.terms.dispositions]]
reason = "*"
disposition = "restock"
"""

_SHOPIFY = """
[shops.{shop}.shopify]
base_url = "{shopify_url}"
shop = "{shop}"
access_token = "{token}"
"""

_TERMS = {
    ALDER: f"""\
refund_owner = "returnline"
refund_release = "comment"
release_exchanges = true
availability_target = "shopify"
availability_buffer = {BUFFER}
refund_accounts = {{ card = "{PAID_FROM[TO_CARD]}", store_credit = "{PAID_FROM[TO_STORE_CREDIT]}" }}

[shops.{ALDER}.terms.fees.restocking]
description = "Restocking fee"
account = "{FEE_INCOME}"
tax_rule = "{VAT_20}"
""",
    BIRCH: 'credit_note_owner = "native"\nrestock_owner = "native"\n',
    CEDAR: 'posting = "batch"\nbatch = {{ max_count = {batch}, cut_off = {cut_off} }}\n',
}


def domain(shop: str) -> str:
    """The shop's name at the portal."""
    return f"{shop}.myshopify.com"


def key_of(shop: str) -> str:
    """The shop's own application key of the practice company."""
    return f"b0000000-0000-4000-8000-{SHOPS.index(shop) + 1:012d}"


def settings_text(
    urls: dict[str, str], account: str, shops: tuple[str, ...], metrics: str, values: dict[str, object]
) -> str:
    """The whole file. `values` are the quota, portal_calls, token and bearer that all shops share."""
    # Of its own for every demo: an external Redis (REDIS_URL) may hold what an earlier one left.
    head = _HEAD.format(prefix=f"demo-{secrets.token_hex(4)}", metrics=metrics)
    return head + "".join(_shop(urls, account, shop, values) for shop in shops)


def _shop(urls: dict[str, str], account: str, shop: str, values: dict[str, object]) -> str:
    shopify = _SHOPIFY.format(shop=shop, shopify_url=urls["shopify_url"], token=SHOPIFY_TOKEN)
    return _SHOP.format(
        shop=shop,
        domain=domain(shop),
        portal_key=PORTAL_KEY,
        portal_url=urls["returngo_url"],
        cin7_url=urls["cin7_url"].rstrip("/"),
        account=account,
        key=key_of(shop),
        go_live=(datetime.now(UTC) - timedelta(days=30)).date(),
        more=shopify if shop == ALDER else "",
        terms=_batch() if shop == CEDAR else _TERMS[shop],
        damaged=DAMAGED,
        write_offs=WRITE_OFFS,
        **values,
    )


def _batch() -> str:
    """Full with three notes; the cut-off is as far away as can be, so that no day is cut in two."""
    cut_off = (datetime.now(LONDON) - timedelta(hours=1)).strftime("%H:%M:%S")
    return _TERMS[CEDAR].format(batch=3, cut_off=cut_off)

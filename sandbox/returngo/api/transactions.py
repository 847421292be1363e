"""GET /transactions and PUT /transaction/{id}: money movements without the RMA they belong to."""

from collections.abc import Callable

from sandbox.returngo import render
from sandbox.returngo.api.listing import closing, comma_list, page_size, passes, read_cursor, time_tests, write_cursor
from sandbox.returngo.front_door import Answer, Visit
from sandbox.returngo.records import Transaction
from sandbox.returngo.refunds import settle
from sandbox.returngo.refusals import ApiRefusal
from sandbox.returngo.words import TRANSACTION_STATUSES

_COLUMNS: dict[str, Callable[[Transaction], str]] = {
    "rma_ids": lambda row: row.rma_id,
    "order_ids": lambda row: row.order_id,
    "statuses": lambda row: row.status,
    "types": lambda row: row.kind,
    "processors": lambda row: row.processor,
    "ids": lambda row: str(row.number),
}


def list_transactions(visit: Visit) -> Answer:
    """Oldest first; the cursor names the last row already given. `sort_by` is not offered and not heeded."""
    size, after = page_size(visit.params), read_cursor(visit.params, "")
    if after is not None and not after.isdigit():
        raise ApiRefusal(400, "Invalid cursor")
    found = [row for row in _matching(visit) if after is None or row.number > int(after)]
    page = found[:size]
    payload: dict[str, object] = {"transactions": [render.transaction(row) for row in page]}
    if not page:
        return Answer(payload)
    last = write_cursor(str(page[-1].number))
    return Answer(closing(payload, last if len(found) > size else None, visit.portal.settings.last_page, last))


def write_transaction(visit: Visit) -> Answer:
    """Report the outcome of a refund done outside; only rows the portal opened can be written."""
    number = visit.path["transaction_id"]
    row = visit.portal.transactions.get(int(number)) if number.isdigit() else None
    if row is None or row.shop != visit.shop:
        raise ApiRefusal(404, "Transaction not found")
    status = visit.body.get("status", row.status)
    if status not in TRANSACTION_STATUSES:
        raise ApiRefusal(400, f"Invalid transaction status {status}")
    if row.status != "Requested" and status != row.status:
        raise ApiRefusal(400, f"Transaction is already {row.status}")
    external = visit.body.get("externalReferenceId")
    if status != row.status:
        settle(visit.portal, row, str(status), visit.now, str(external or ""))
    elif isinstance(external, str):
        row.external_id, row.last_updated = external, visit.now
    return Answer(render.transaction(row))


def _matching(visit: Visit) -> list[Transaction]:
    params, repeated = visit.params, visit.portal.settings.repeated_filter
    created = time_tests(params, "created_at", repeated)
    updated = time_tests(params, "updated_at", repeated)
    wanted = {name: comma_list(params, name) for name in _COLUMNS}
    return [
        row
        for row in visit.portal.transactions.values()
        if row.shop == visit.shop
        and passes(row.created_at, created)
        and passes(row.last_updated, updated)
        and all(values is None or _COLUMNS[name](row) in values for name, values in wanted.items())
    ]

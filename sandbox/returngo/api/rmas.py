"""GET /rmas, GET /rma/{id}, POST comment, PUT status."""

from sandbox.returngo import lifecycle, render
from sandbox.returngo.api.listing import (
    closing,
    comma_list,
    page_size,
    passes,
    read_cursor,
    sort_columns,
    time_tests,
    write_cursor,
)
from sandbox.returngo.front_door import Answer, Visit
from sandbox.returngo.records import Inspection, Rma
from sandbox.returngo.refusals import ApiRefusal
from sandbox.returngo.words import RMA_STATUSES

_COLUMNS = ("rma_created_at", "rma_updated_at")
_PREFIX = "returns.id:"
_END = "end"


def list_rmas(visit: Visit) -> Answer:
    """Summaries only, newest first unless sorted; the cursor names the first row of the next page."""
    size, start = page_size(visit.params), read_cursor(visit.params, _PREFIX)
    rows = _ordered(visit)
    if start is not None:
        ids = [rma.rma_id for rma in rows]
        if start != _END and start not in ids:
            raise ApiRefusal(400, "Invalid cursor")
        rows = [] if start == _END else rows[ids.index(start) :]
    found = _matching(visit, rows)
    payload: dict[str, object] = {"rmas": [render.summary(rma) for rma in found[:size]]}
    if start == _END:
        return Answer(payload)
    following = write_cursor(f"{_PREFIX}{found[size].rma_id}") if len(found) > size else None
    return Answer(closing(payload, following, visit.portal.settings.last_page, write_cursor(_PREFIX + _END)))


def read_rma(visit: Visit) -> Answer:
    """Everything about one RMA; `includeMedia=true` adds download addresses."""
    rma = visit.rma()
    media = visit.params.get("includeMedia") == "true"
    return Answer(render.detail(rma, visit.portal.transactions_of(rma), include_media=media))


def add_comment(visit: Visit) -> Answer:
    """Add a timeline line. Which field name the real API takes is disputed, so a setting picks it."""
    rma, accepted = visit.rma(), visit.portal.settings.comment_field
    names = ("htmlText", "comment") if accepted == "either" else (accepted,)
    text = next((visit.body[name] for name in names if name in visit.body), None)
    if not isinstance(text, str) or not text:
        raise ApiRefusal(400, f"{names[0]} is required")
    rma.say(visit.now, text, kind="merchant", by="API")
    return Answer({"message": "Comment added"}, visit.portal.settings.comment_status)


def write_status(visit: Visit) -> Answer:
    """Set the RMA's status; with `validation_write` on, verdicts on units may ride along in `items`."""
    rma, status = visit.rma(), visit.body.get("status")
    if status not in RMA_STATUSES:
        raise ApiRefusal(400, f"Invalid status {status}")
    try:
        if visit.portal.settings.validation_write == "status_body" and visit.body.get("items"):
            lifecycle.inspect(visit.portal, rma, _verdicts(visit), visit.now)
        else:
            lifecycle.move_status(visit.portal, rma, str(status), visit.now)
    except lifecycle.NotPossible as problem:
        raise ApiRefusal(400, str(problem)) from None
    return Answer(render.summary(rma))


def _ordered(visit: Visit) -> list[Rma]:
    rows = sorted(visit.portal.shop_rmas(visit.shop), key=lambda rma: int(rma.rma_id), reverse=True)
    for column, descending in reversed(sort_columns(visit.params, _COLUMNS)):
        if column == "rma_created_at":
            rows.sort(key=lambda rma: rma.created_at, reverse=descending)
        else:
            rows.sort(key=lambda rma: rma.last_updated, reverse=descending)
    return rows


def _matching(visit: Visit, rows: list[Rma]) -> list[Rma]:
    params, repeated = visit.params, visit.portal.settings.repeated_filter
    created = time_tests(params, "rma_created_at", repeated)
    updated = time_tests(params, "rma_updated_at", repeated)
    statuses, names = _statuses(visit), comma_list(params, "order_name")
    tracking = comma_list(params, "tracking_numbers")
    return [
        rma
        for rma in rows
        if passes(rma.created_at, created)
        and passes(rma.last_updated, updated)
        and (statuses is None or rma.status in statuses)
        and (names is None or rma.order_name in names)
        and (tracking is None or any(parcel.tracking_number in tracking for parcel in rma.shipments))
    ]


def _statuses(visit: Visit) -> frozenset[str] | None:
    statuses = comma_list(visit.params, "status")
    unknown = (statuses or frozenset()) - frozenset(RMA_STATUSES)
    if unknown and visit.portal.settings.unknown_status == "refuse":
        raise ApiRefusal(400, f"Invalid status {min(unknown)}")
    return statuses


def _verdicts(visit: Visit) -> dict[str, Inspection]:
    items = visit.body.get("items")
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise ApiRefusal(400, "items must be a list of objects")
    verdicts = {}
    for item in items:
        returned, restockable = bool(item.get("isReturned")), bool(item.get("isRestockable"))
        reason = str(item.get("nonRestockableReason") or item.get("nonReturnedReason") or "")
        verdicts[str(item.get("returnedItemId"))] = Inspection(returned, restockable, reason, visit.now, "API")
    return verdicts

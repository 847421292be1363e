"""Which sale in Cin7 is the new order of an exchange: answered from the sale index, which the polls keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumers.shared.order_names import ExchangeNames
from pipeline.ledger import sales
from pipeline.parts import Parts
from schemas.concerns import Concern, ConcernType
from tasks.books.lost_sales import standing


def sale_named(parts: Parts, shop: str, names: ExchangeNames, original: str) -> str | Concern | None:
    """The id of the one sale that fits; None where Cin7 has none yet. The `original` sale is never its own exchange.

    The exchange's own id decides between several. A voided sale counts only where no other fits.
    """
    with parts.ledger.read() as conn:
        rows = sales.candidates(conn, shop, names.exact, names.marker)
    fitting = [row for row in rows if row["sale_id"] != original and _fits(names, row)]
    fitting = [row for row in fitting if names.proved(str(row["external_id"]))] or fitting
    alive = standing(fitting)
    ids = sorted({str(row["sale_id"]) for row in alive})
    if len(ids) > 1:
        return _several(alive)
    return ids[0] if ids else None


def _fits(names: ExchangeNames, row: Mapping[str, Any]) -> bool:
    return names.fit(str(row["order_number"]), str(row["customer_reference"]), str(row["external_id"]))


def _several(rows: list[Mapping[str, Any]]) -> Concern:
    numbers = ", ".join(sorted(str(row["order_number"]) for row in rows))
    return Concern(
        ConcernType.CONSOLIDATED_SALE_AMBIGUOUS,
        f"{len(rows)} sales in Cin7 could be the new order of this exchange: {numbers}.",
        "Take the exchange's name out of the Customer Reference of those that are not it, or write the order's id into "
        "the External ID of the right one; this continues by itself.",
        details={"sales": ", ".join(sorted(str(row["sale_id"]) for row in rows))},
    )

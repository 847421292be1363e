"""What the warehouse's words mean: the inspection as one trace, wrong goods, other serials, goods from elsewhere."""

from __future__ import annotations

import re

from consumers.shared.gate import finding_of
from schemas.returns import Unit
from schemas.sales import DocumentLine, Sale

#: The fate of goods that were credited before they came.
AWAITED = "awaited"
#: The fate of goods that a supplier sent: none of ours to put back.
DROP_SHIP = "drop_ship"
_WRONG_GOODS = re.compile(
    r"(wrong|different|other|unknown|unidentified|incorrect|not our|foreign)\W+(item|product|article|goods|sku|brand)"
    r"|not on (the )?order|counterfeit|unidentified|fake",
    re.IGNORECASE,
)
_OTHER_SERIAL = re.compile(
    r"(wrong|different|other|mismatch\w*|incorrect)\W+(\w+\W+){0,2}(serial|imei)|(serial|imei)\W+(\w+\W+){0,4}"
    r"(mismatch\w*|differ\w*|wrong|not match\w*|unknown|incorrect)",
    re.IGNORECASE,
)


def seen_of(unit: Unit) -> str:
    """The inspection as one text, "" before there is any: two texts differ when the warehouse said something new."""
    if unit.inspection is None:
        return ""
    return f"{finding_of(unit).value} at {unit.inspection.at.isoformat()} {unit.inspection.location}".strip()


def unidentified(unit: Unit) -> bool:
    """Whether the parcel held something else: inspected as not returned, for a reason that says so."""
    found = unit.inspection
    return found is not None and not found.returned and bool(_WRONG_GOODS.search(found.not_returned_reason))


def serial_differs(unit: Unit) -> bool:
    """Whether the inspection tells of another serial than the one sold (ReturnGO has no serial field of its own)."""
    found = unit.inspection
    if found is None:
        return False
    return any(_OTHER_SERIAL.search(text) for text in (found.not_returned_reason, found.not_restockable_reason))


def drop_shipped(line: DocumentLine, sale: Sale) -> bool:
    """Whether a supplier sent the goods of this line."""
    return line.drop_ship or any(o.drop_ship and o.product_id == line.product_id for o in sale.order_lines)

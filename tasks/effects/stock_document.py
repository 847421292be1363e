"""What the providers of stock documents share: finding ours by its mark, comparing lines, the outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from schemas.cin7.bodies import merged
from schemas.cin7.stock import StockDocument
from schemas.effects import Outcome
from schemas.sales import VOIDED, StockLine
from tasks.effects.protocol import Missing, Unclear

COMPLETED = "COMPLETED"


def marked_by(marker: str, rows: Sequence[StockDocument], bad_draft: str = "") -> StockDocument | Missing | Unclear:
    """The one completed document with our mark, Missing where none is, Unclear where a person must look.

    `bad_draft` is the task of an earlier try that Cin7 refused half-way: voided by a person, it counts as absent.
    """
    ours = [row for row in rows if marker in row.reference]
    standing = [row for row in ours if row.status != VOIDED]
    if len(standing) > 1:
        return Unclear(
            f"{len(standing)} documents carry our mark {marker}: {_names(standing)}; void all but one in Cin7"
        )
    if standing and standing[0].status != COMPLETED:
        return Unclear(f"{_names(standing)} with our mark is {standing[0].status}; complete or void it in Cin7")
    if standing:
        return standing[0]
    voided = [row for row in ours if row.task_id != bad_draft]
    return Unclear(f"our document {_names(voided)} was voided by hand") if voided else Missing()


def differing_lines(wanted: tuple[StockLine, ...], document: StockDocument) -> list[str]:
    """Where the document's lines are not what was sent: empty, or one sentence."""
    asked = sorted((line.product_id or line.sku, line.batch, _plain(line.quantity)) for line in merged(wanted))
    holds = sorted((line.product_id or line.sku, line.batch, _plain(line.quantity)) for line in document.lines)
    return [] if asked == holds else [f"its lines are {holds}, not {asked}"]


def outcome_of(
    document: StockDocument, differences: Sequence[str] = (), details: Mapping[str, str] | None = None
) -> Outcome:
    """The document as it stands in Cin7."""
    told = {"differences": "; ".join(differences)} if differences else {}
    return Outcome(reference=document.task_id, number=document.number, details={**told, **(details or {})})


def _plain(number: Decimal) -> str:
    return format(number.quantize(Decimal("0.0001")), "f")


def _names(rows: Sequence[StockDocument]) -> str:
    return ", ".join(row.number or row.task_id for row in rows)

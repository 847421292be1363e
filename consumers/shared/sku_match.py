"""From a portal SKU to a product of the sale: exact, alias, unique match ignoring spelling, else a person decides."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from consumers.case import AliasProposal
from schemas.concerns import ConcernType
from schemas.sales import DocumentLine


@dataclass(frozen=True, slots=True)
class SkuMatch:
    """The product on the sale; `proposal` is set where spelling had to be ignored."""

    product_id: str
    sku: str
    proposal: AliasProposal | None = None


@dataclass(frozen=True, slots=True)
class SkuMiss:
    """Why no product could be named, with the nearest candidates."""

    kind: ConcernType
    cause: str
    candidates: tuple[str, ...]


def fold(sku: str) -> str:
    """A SKU without case, spaces, dashes, slashes and special characters, and without zeros a spreadsheet would eat."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", sku).casefold() if c.isalnum())
    return plain.lstrip("0") or plain[:1]


def climb(sku: str, lines: Iterable[DocumentLine], aliases: Mapping[str, str]) -> SkuMatch | SkuMiss:
    """The product of the sale's lines that `sku` means, never one of several.

    `aliases` maps portal SKUs to Cin7 SKUs, as a person or an earlier unique match tied them.
    """
    known = {(line.product_id, line.sku) for line in lines}
    for wanted in (sku, aliases.get(sku, "")):
        found = sorted(product for product in known if wanted and product[1] == wanted)
        if found:
            return _only(sku, found, None)
    folded = fold(sku)
    found = sorted(product for product in known if folded and fold(product[1]) == folded)
    if found:
        return _only(sku, found, AliasProposal(sku, found[0][1], found[0][0]))
    near = _nearest(sku, sorted(known))
    return SkuMiss(ConcernType.SKU_UNMATCHED, f"SKU {sku!r} is not on the sale's invoices", near)


def _only(sku: str, found: list[tuple[str, str]], proposal: AliasProposal | None) -> SkuMatch | SkuMiss:
    if len({product_id for product_id, _ in found}) > 1:
        names = tuple(name for _, name in found)
        return SkuMiss(ConcernType.SKU_AMBIGUOUS, f"SKU {sku!r} could be {len(found)} products of the sale", names)
    product_id, name = found[0]
    return SkuMatch(product_id, name, proposal)


def _nearest(sku: str, known: list[tuple[str, str]]) -> tuple[str, ...]:
    by_fold = {fold(name): name for _, name in known}
    return tuple(by_fold[key] for key in difflib.get_close_matches(fold(sku), by_fold, n=3, cutoff=0.4))

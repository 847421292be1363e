"""The fingerprint of a credit note: what finance relies on, and nothing that Cin7 fills in later by itself."""

from __future__ import annotations

import hashlib
from decimal import Decimal

from schemas.sales import CreditNote


def digest_of(note: CreditNote) -> str:
    """The same for two readings of one unchanged note. Status, memo and restock are left to their own checks: a restock
    may be authorised later than the money."""
    told = (
        note.number,
        note.invoice_number,
        note.noted_on.isoformat() if note.noted_on else "",
        sorted((x.product_id, _plain(x.quantity), _plain(x.total.amount), x.tax_rule) for x in note.lines),
        sorted((x.description.strip().casefold(), _plain(x.total.amount), x.tax_rule) for x in note.charges),
    )
    return hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()


def _plain(number: Decimal) -> str:
    return format(number.quantize(Decimal("0.0001")), "f")

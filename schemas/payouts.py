"""What a payment provider paid out and took back, refund by refund."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from schemas.money import Money

#: No refund and no payout's sum of refunds is beyond this, in major units of any currency: it also fits the ledger.
MOST = Decimal(10_000_000_000)


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """One refund inside a payout: a positive amount went to the shopper, a negative one came back.

    `refund_id` is the shop platform's id. Shopify's own export has none: then `order`, `moved_at` and `presented` (the
    amount in the shopper's currency) say which refund it is, and `refund_id` only tells this line from others. A line
    with an empty `refund_id` is the sum of all refunds of one day's payouts. `signed` where the file writes refunds as
    negative amounts; `row` is the line of the file.
    """

    payout_id: str
    refund_id: str
    amount: Money
    settled_at: datetime
    order: str = ""
    moved_at: datetime | None = None
    presented: Money | None = None
    signed: bool = False
    row: int = field(default=0, compare=False)

    @property
    def is_sum(self) -> bool:
        """Whether this is the sum of a day's payouts instead of one refund."""
        return not self.refund_id

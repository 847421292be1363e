"""Exceptions as values: what a person must know, who owns it, what it is worth and what to do next.

In code the word is Concern, because Python already has another meaning for exception; everywhere a person reads it, it
is "exception".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from schemas.money import Money


class Owner(StrEnum):
    """Who must act."""

    FINANCE = "finance"
    OPERATIONS = "operations"
    CUSTOMER_EXPERIENCE = "customer experience"
    ENGINEERING = "engineering"


class ConcernType(StrEnum):
    """Every kind of exception. The groups below decide the owner."""

    # finance
    INVOICE_NOT_AUTHORISED = "INVOICE_NOT_AUTHORISED"
    SIMPLE_SALE_ALREADY_CREDITED = "SIMPLE_SALE_ALREADY_CREDITED"
    TAX_RULE_UNKNOWN = "TAX_RULE_UNKNOWN"
    TAX_VARIANCE = "TAX_VARIANCE"
    AMOUNT_MISMATCH = "AMOUNT_MISMATCH"
    OVER_CREDIT = "OVER_CREDIT"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    LOCKED_PERIOD = "LOCKED_PERIOD"
    NATIVE_DUPLICATE = "NATIVE_DUPLICATE"
    CN_DRIFT = "CN_DRIFT"
    WRITE_UNCERTAIN = "WRITE_UNCERTAIN"
    WRITE_REJECTED = "WRITE_REJECTED"
    CONSOLIDATED_SALE_AMBIGUOUS = "CONSOLIDATED_SALE_AMBIGUOUS"
    PAYOUT_UNMATCHED = "PAYOUT_UNMATCHED"
    WRITEOFF_APPROVAL = "WRITEOFF_APPROVAL"
    STOCK_ACCOUNT_UNMAPPED = "STOCK_ACCOUNT_UNMAPPED"
    SALE_VOIDED = "SALE_VOIDED"
    RESTOCK_VALUE_VARIANCE = "RESTOCK_VALUE_VARIANCE"
    RETURN_OF_EXCHANGE = "RETURN_OF_EXCHANGE"
    CANCELLED_AFTER_CREDIT = "CANCELLED_AFTER_CREDIT"
    FEE_UNMAPPED = "FEE_UNMAPPED"
    REFUND_ACCOUNT_UNMAPPED = "REFUND_ACCOUNT_UNMAPPED"
    CREDITED_NOT_REFUNDED = "CREDITED_NOT_REFUNDED"
    REFUNDED_NOT_CREDITED = "REFUNDED_NOT_CREDITED"
    BATCH_LATE_EVENT = "BATCH_LATE_EVENT"
    GIFT_UNEARNED = "GIFT_UNEARNED"
    FEE_TO_POST = "FEE_TO_POST"
    REFUND_WITHOUT_ITEMS = "REFUND_WITHOUT_ITEMS"
    # operations
    SKU_UNMATCHED = "SKU_UNMATCHED"
    SKU_AMBIGUOUS = "SKU_AMBIGUOUS"
    LOCATION_UNMAPPED = "LOCATION_UNMAPPED"
    LOCATION_INVALID = "LOCATION_INVALID"
    REASON_UNMAPPED = "REASON_UNMAPPED"
    BATCH_SERIAL_REQUIRED = "BATCH_SERIAL_REQUIRED"
    SERIAL_MISMATCH = "SERIAL_MISMATCH"
    QTY_MISMATCH = "QTY_MISMATCH"
    OVER_RETURN = "OVER_RETURN"
    UNIDENTIFIED_ITEM = "UNIDENTIFIED_ITEM"
    KIT_RULE_MISSING = "KIT_RULE_MISSING"
    NOT_STOCKED_AGED = "NOT_STOCKED_AGED"
    DROPSHIP_CLAIM = "DROPSHIP_CLAIM"
    ON_HOLD = "ON_HOLD"
    STOCK_MOVED_MEANWHILE = "STOCK_MOVED_MEANWHILE"
    # customer experience
    REFUNDED_NOT_RECEIVED = "REFUNDED_NOT_RECEIVED"
    EXCHANGE_DRAFT_STUCK = "EXCHANGE_DRAFT_STUCK"
    EXCHANGE_UNPAID = "EXCHANGE_UNPAID"
    EXCHANGE_OUT_OF_STOCK = "EXCHANGE_OUT_OF_STOCK"
    EXCHANGE_CHANGED_ON_RELEASE = "EXCHANGE_CHANGED_ON_RELEASE"
    REFUND_FAILED = "REFUND_FAILED"
    REFUND_REFUSED_HOLD = "REFUND_REFUSED_HOLD"
    ADVANCE_EXCHANGE_OVERDUE = "ADVANCE_EXCHANGE_OVERDUE"
    CHARGEBACK_CONFLICT = "CHARGEBACK_CONFLICT"
    # engineering
    SCHEMA_INVALID = "SCHEMA_INVALID"
    UNKNOWN_STATUS = "UNKNOWN_STATUS"
    ORDER_NOT_FOUND = "ORDER_NOT_FOUND"
    CREDENTIALS_REJECTED = "CREDENTIALS_REJECTED"
    WEBHOOK_INACTIVE = "WEBHOOK_INACTIVE"
    TARGET_DOWN = "TARGET_DOWN"
    RATE_BUDGET_EXHAUSTED = "RATE_BUDGET_EXHAUSTED"
    POISON_TASK = "POISON_TASK"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    QUEUE_ROLLED_BACK = "QUEUE_ROLLED_BACK"


_T = ConcernType
_OPERATIONS = frozenset(
    {
        _T.SKU_UNMATCHED,
        _T.SKU_AMBIGUOUS,
        _T.LOCATION_UNMAPPED,
        _T.LOCATION_INVALID,
        _T.REASON_UNMAPPED,
        _T.BATCH_SERIAL_REQUIRED,
        _T.SERIAL_MISMATCH,
        _T.QTY_MISMATCH,
        _T.OVER_RETURN,
        _T.UNIDENTIFIED_ITEM,
        _T.KIT_RULE_MISSING,
        _T.NOT_STOCKED_AGED,
        _T.DROPSHIP_CLAIM,
        _T.ON_HOLD,
        _T.STOCK_MOVED_MEANWHILE,
    }
)
_CUSTOMER_EXPERIENCE = frozenset(
    {
        _T.REFUNDED_NOT_RECEIVED,
        _T.EXCHANGE_DRAFT_STUCK,
        _T.EXCHANGE_UNPAID,
        _T.EXCHANGE_OUT_OF_STOCK,
        _T.EXCHANGE_CHANGED_ON_RELEASE,
        _T.REFUND_FAILED,
        _T.REFUND_REFUSED_HOLD,
        _T.ADVANCE_EXCHANGE_OVERDUE,
        _T.CHARGEBACK_CONFLICT,
    }
)
_ENGINEERING = frozenset(
    {
        _T.SCHEMA_INVALID,
        _T.UNKNOWN_STATUS,
        _T.ORDER_NOT_FOUND,
        _T.CREDENTIALS_REJECTED,
        _T.WEBHOOK_INACTIVE,
        _T.TARGET_DOWN,
        _T.RATE_BUDGET_EXHAUSTED,
        _T.POISON_TASK,
        _T.BAD_SIGNATURE,
        _T.QUEUE_ROLLED_BACK,
    }
)


def owner_of(kind: ConcernType) -> Owner:
    """The default owner of an exception type; a merchant's settings may name another."""
    if kind in _OPERATIONS:
        return Owner.OPERATIONS
    if kind in _CUSTOMER_EXPERIENCE:
        return Owner.CUSTOMER_EXPERIENCE
    if kind in _ENGINEERING:
        return Owner.ENGINEERING
    return Owner.FINANCE


@dataclass(frozen=True, slots=True)
class Concern:
    """One exception: its type, cause and next step in plain words, the money at risk, the units it is about."""

    kind: ConcernType
    cause: str
    next_step: str
    money: Money | None = None
    units: tuple[str, ...] = ()
    details: dict[str, str] = field(default_factory=dict, hash=False)

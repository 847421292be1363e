"""Which account of Cin7 a refund leaves: the merchant's map by processor and kind, never a guess."""

from __future__ import annotations

from dataclasses import dataclass, field

from consumers.refunds.facts import RefundFacts
from schemas.concerns import ConcernType
from schemas.returns import REFUND, STORE_CREDIT, Transaction
from schemas.terms import Terms

_SIGNS = (("bank", "bank"), ("giftcard", "gift_card"))


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why a refund cannot be recorded, in the words of an exception."""

    kind: ConcernType
    cause: str
    next_step: str
    details: dict[str, str] = field(default_factory=dict, hash=False)


def account_of(transaction: Transaction, terms: Terms) -> str:
    """The mapped account code, "" where none is.

    Card refunds go by processor, then kind, then "card". Any other kind goes only by its own name ("store_credit",
    "bank" and "gift_card" will do), so that store credit never lands in a card's clearing account.
    """
    kind = transaction.kind
    wanted = [transaction.processor, kind, "card"] if kind == REFUND else [kind, _short(kind)]
    mapped = {name.strip().casefold(): code for name, code in terms.refund_accounts.items()}
    return next((mapped[name.casefold()] for name in wanted if name and name.casefold() in mapped), "")


def _short(kind: str) -> str:
    if kind == STORE_CREDIT:
        return "store_credit"
    return next((word for sign, word in _SIGNS if sign in kind.casefold()), "")


def checked_account(transaction: Transaction, facts: RefundFacts, terms: Terms) -> str | Stopped:
    """The account code, if the account exists, is active and takes payments."""
    code = account_of(transaction, terms)
    what = f"{transaction.kind} ({transaction.processor or 'no processor named'})"
    if not code:
        step = f"name an account for {transaction.kind!r} under refund_accounts in the shop's settings"
        return Stopped(ConcernType.REFUND_ACCOUNT_UNMAPPED, f"no account is mapped for {what}", step)
    account = facts.accounts.get(code)
    if account is None or not account.active or not account.for_payments:
        step = f"correct refund_accounts in the shop's settings, or let account {code!r} take payments in Cin7"
        cause = f"account {code!r} for {what} takes no payments in Cin7"
        return Stopped(ConcernType.REFUND_ACCOUNT_UNMAPPED, cause, step)
    return code

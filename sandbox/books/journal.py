"""The journal: every posting balances, so the trial balance is always zero."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sandbox.books.numbers import ZERO, four


class Unbalanced(AssertionError):  # noqa: N818  (the field's word)
    """A posting whose debits are not its credits: a mistake in the sandbox itself."""


@dataclass(frozen=True)
class Leg:
    """One side of a posting in base currency; above 0 is a debit, below 0 a credit."""

    account: str
    amount: Decimal


@dataclass(frozen=True)
class Entry:
    """One posting."""

    id: str
    task_id: str
    day: date
    reference: str
    narration: str
    legs: tuple[Leg, ...]


class Journal:
    """All postings of a tenant."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def post(self, entry_id: str, task_id: str, day: date, reference: str, narration: str, legs: list[Leg]) -> None:
        """Post an entry.

        Raises Unbalanced when debits are not credits.
        """
        kept = tuple(Leg(leg.account, four(leg.amount)) for leg in legs if four(leg.amount) != 0)
        if sum((leg.amount for leg in kept), ZERO) != 0:
            raise Unbalanced(f"{narration} {reference}: {kept}")
        if kept:
            self.entries.append(Entry(entry_id, task_id, day, reference, narration, kept))

    def of_task(self, task_id: str) -> list[Entry]:
        """Return the postings of one document."""
        return [entry for entry in self.entries if entry.task_id == task_id]

    def trial_balance(self) -> dict[str, Decimal]:
        """Return the balance of each account in base currency; they add up to zero."""
        balances: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for entry in self.entries:
            for leg in entry.legs:
                balances[leg.account] += leg.amount
        return dict(sorted(balances.items()))

"""What the checks of a demo look at: the day, its morning and its evening, and who is who."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.demo.day.words import Day
from sandbox.demo.evening import Evening, Morning, Note

#: What is wrong, one line each, and what to say when nothing is.
Verdict = tuple[list[str], str]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the checks look at. `rma_ids`, `sale_ids` and `exchange_ids` (sales in draft) by the day's own names;
    `released` is what the command line said when batches were let go; `replaced_ids` are the voided sales of orders
    that were imported again, by return.
    """

    day: Day
    morning: Morning
    evening: Evening
    rma_ids: dict[str, str]
    sale_ids: dict[str, str]
    quota: int
    stray: int
    exchange_ids: dict[str, str] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)
    replaced_ids: dict[str, str] = field(default_factory=dict)

    def notes_of(self, name: str) -> list[Note]:
        """This return's standing credit notes: those whose memo names it; where Cin7's channel credits, its sale's."""
        one = next(one for one in self.day.returns if one.name == name)
        if not one.ours:
            return [note for note in self.standing if note.sale_id == self.sale_ids[one.order_name]]
        return [note for note in self.standing if note.rma == self.rma_ids[name]]

    @property
    def standing(self) -> list[Note]:
        """Every credit note that is not voided, whoever made it."""
        return [note for note in self.evening.notes if note.status != "VOIDED"]

    @property
    def native_sales(self) -> set[str]:
        """The sales that Cin7's own channel credits."""
        return {self.sale_ids[one.order_name] for one in self.day.returns if not one.ours}

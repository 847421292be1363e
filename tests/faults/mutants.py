"""The protocol broken on purpose, one rule at a time; the explorer must notice each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pipeline.calls.failures import Throttled
from pipeline.ledger.effects import EffectRow
from schemas.actions import Action
from schemas.effects import EffectState, Outcome
from tasks.effects.perform import Performer
from tasks.effects.protocol import Found
from tests.faults.cas_store import CasStore
from tests.faults.explorer import Variant
from tests.faults.model_cin7 import DIRECT, DRAFTED, ModelOutages


class _NeverLooks(Performer):
    def _look(self, row: EffectRow) -> EffectRow | None:
        return (
            row if row.state == EffectState.CLAIMED else self.store.change(row, self.clock(), state=EffectState.CLAIMED)
        )


class _LooksOnlyAfterDoubt(Performer):
    """Trusts the ledger alone before the first send: a ledger restored from a backup forgets what was sent."""

    def _look(self, row: EffectRow) -> EffectRow | None:
        return row if row.state == EffectState.CLAIMED else super()._look(row)


class _TakesInterruptedSends(CasStore):
    def claim(self, effect_id: int, now: datetime, lease: timedelta) -> EffectRow | None:
        row = self.rows[effect_id]
        if row.state == EffectState.SENDING and row.lease_until is not None and row.lease_until <= now:
            self.rows[effect_id] = replace(row, state=EffectState.PLANNED)
        return super().claim(effect_id, now, lease)


class _PlansAKeyTwice(CasStore):
    def plan(self, action: Action, now: datetime) -> int | None:
        return self._insert(action, now)


class _IgnoresTheFence(CasStore):
    def _set(self, row: EffectRow, values: Mapping[str, Any]) -> EffectRow | None:
        self.rows[row.effect_id] = replace(self.rows[row.effect_id], **values)
        return self.rows[row.effect_id]


class _CountsEarlyLookUps(Performer):
    def perform(self, effect_id: int) -> EffectRow | None:
        self.timing = replace(self.timing, quiet=timedelta(), lookup_waits=(timedelta(seconds=1),))
        return super().perform(effect_id)


class _RepeatsATimeout(Performer):
    def _uncertain(self, row: EffectRow, why: str) -> EffectRow | None:
        return self.store.change(row, self.clock(), state=EffectState.CLAIMED, why=why)


class _BelievesOneLookUpAtOnce(Performer):
    def _not_there(self, row: EffectRow) -> EffectRow | None:
        return self.store.change(row, self.clock(), state=EffectState.CLAIMED, lookups=0)


class _AsksNobody(Performer):
    """Gives up after doubt without handing the effect to a person."""

    def _not_there(self, row: EffectRow) -> EffectRow | None:
        return self.store.change(row, self.clock(), state=EffectState.UNCERTAIN, lease_until=None, due_at=row.due_at)


class _ConfirmsADraft(Performer):
    def _found(self, row: EffectRow, found: Found) -> EffectRow | None:
        whole = found.outcome or Outcome(found.progress["task_id"])
        return super()._found(row, replace(found, outcome=whole))


class _SendsOnInAnOutage(Performer):
    """Takes an outage for a proof that nothing was done: sends again without the look-ups."""

    def _uncertain(self, row: EffectRow, why: str) -> EffectRow | None:
        if not self.outages.shared(row):
            return super()._uncertain(row, why)
        return self.store.change(row, self.clock(), state=EffectState.CLAIMED, why=why)


class _ForgetsAnOutagesSends(Performer):
    """In an outage plans the effect as if it had never been sent: the document may come late."""

    def _uncertain(self, row: EffectRow, why: str) -> EffectRow | None:
        return self._unsent(row, Throttled(1.0)) if self.outages.shared(row) else super()._uncertain(row, why)


class _BlamesAnOutageForEver(ModelOutages):
    def shared(self, row: EffectRow) -> bool:
        return True


#: Those that the brief of the checker names come first.
MUTANTS = (
    Variant("skips the look-up", _NeverLooks),
    Variant("takes an interrupted send as planned", store=_TakesInterruptedSends, styles=(DIRECT,), leases=(60,)),
    Variant("drops the uniqueness of the business key", store=_PlansAKeyTwice),
    Variant("counts look-ups before the quiet period", _CountsEarlyLookUps, styles=(DIRECT,)),
    Variant("repeats a timeout blindly", _RepeatsATimeout),
    Variant("looks only after doubt", _LooksOnlyAfterDoubt),
    Variant("ignores the fence", store=_IgnoresTheFence),
    Variant("believes one look-up at once", _BelievesOneLookUpAtOnce, styles=(DIRECT,)),
    Variant("asks nobody", _AsksNobody),
    Variant("sends on in an outage", _SendsOnInAnOutage, styles=(DIRECT,)),
    Variant("forgets what it sent in an outage", _ForgetsAnOutagesSends, styles=(DIRECT,)),
    Variant("blames an outage for ever", outages=_BlamesAnOutageForEver),
    Variant("confirms a draft", _ConfirmsADraft, styles=(DRAFTED,)),
)

"""The ledger's effects in memory: the same compare-and-set. `test_cas_store.py` holds it to the real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pipeline.ledger.effects import EffectRow
from schemas.actions import Action
from schemas.effects import EffectState, Outcome


class CasStore:
    """Effects by id; `references` holds the document of each confirmed one."""

    def __init__(self) -> None:
        self.rows: dict[int, EffectRow] = {}
        self.references: dict[int, str] = {}

    def plan(self, action: Action, now: datetime) -> int | None:
        """Write it down under its key; None when the key is taken by something that may have been sent."""
        known = next((row for row in self.rows.values() if row.key == action.key), None)
        if known is None:
            return self._insert(action, now)
        if not (known.state == EffectState.WITHDRAWN or (known.state == EffectState.PLANNED and known.sends == 0)):
            return None
        self.rows[known.effect_id] = replace(
            known,
            action=action,
            state=EffectState.PLANNED,
            due_at=now,
            planned_at=known.planned_at if known.state == EffectState.PLANNED else now,
            why="",
            lookups=0,
            step_sends=0,
            reconcile_first=known.reconcile_first or known.sends > 0,
        )
        return known.effect_id

    def _insert(self, action: Action, now: datetime) -> int:
        new = len(self.rows) + 1
        self.rows[new] = EffectRow(
            effect_id=new,
            key=action.key,
            kind=action.kind,
            shop="alder",
            entry_id=1,
            return_id=1,
            sale_id=action.sale_id,
            action=action,
            state=EffectState.PLANNED,
            fence=0,
            sends=0,
            step_sends=0,
            lookups=0,
            reconcile_first=False,
            progress={},
            due_at=now,
            lease_until=None,
            sent_at=None,
            planned_at=now,
        )
        return new

    def claim(self, effect_id: int, now: datetime, lease: timedelta) -> EffectRow | None:
        row = self.rows[effect_id]
        if not row.state.live or row.due_at is None or row.due_at > now:
            return None
        if row.lease_until is not None and row.lease_until > now:
            return None
        state = (
            EffectState.UNCERTAIN if row.state in {EffectState.SENDING, EffectState.UNCERTAIN} else EffectState.CLAIMED
        )
        return self._set(row, {"state": state, "fence": row.fence + 1, "lease_until": now + lease})

    def change(self, row: EffectRow, now: datetime, **values: Any) -> EffectRow | None:
        return self._set(row, values)

    def confirm(self, row: EffectRow, outcome: Outcome, now: datetime) -> EffectRow | None:
        progress = {**row.progress, **outcome.details}
        values = {"state": EffectState.CONFIRMED, "due_at": None, "lease_until": None, "why": "", "progress": progress}
        done = self._set(row, values)
        if done is not None:
            self.references[row.effect_id] = outcome.reference
        return done

    def withdraw(self, effect_id: int) -> bool:
        row = self.rows[effect_id]
        if row.state != EffectState.REJECTED and not (row.state == EffectState.PLANNED and row.sends == 0):
            return False
        values = {"state": EffectState.WITHDRAWN, "due_at": None, "lease_until": None, "fence": row.fence + 1}
        return self._set(row, values) is not None

    def look_again(self, effect_id: int, now: datetime) -> bool:
        row = self.rows[effect_id]
        if row.state != EffectState.UNCERTAIN or row.due_at is not None:
            return False
        unsent = row.sends == 0
        values = {
            "state": EffectState.PLANNED if unsent else EffectState.UNCERTAIN,
            "due_at": now,
            "lookups": 0,
            "step_sends": min(row.step_sends, 1),
            "sent_at": None if unsent else row.sent_at or now,
            "fence": row.fence + 1,
        }
        return self._set(row, values) is not None

    def _set(self, row: EffectRow, values: Mapping[str, Any]) -> EffectRow | None:
        held = self.rows[row.effect_id]
        if (held.fence, held.state) != (row.fence, row.state):
            return None
        self.rows[row.effect_id] = replace(held, **values)
        return self.rows[row.effect_id]

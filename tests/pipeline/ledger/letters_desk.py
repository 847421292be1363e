"""A ledger with dead letters in it, and the command line on top of it. No broker: hints are lost, as they may be."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from click.testing import CliRunner, Result

from console.cli import main
from pipeline.ledger import Ledger, concerns, deliveries, effects, entries, returns
from pipeline.ledger.letters import dead
from pipeline.ledger.schema import all as t
from pipeline.ledger.schema.migrating import migrate
from schemas.actions import CommentOnReturn, business_key
from schemas.concerns import Concern, ConcernType
from schemas.effects import EffectState
from schemas.money import Money

SHOP, QUEUE = "alder", "credit-notes"
CONFIG = """
[shops.alder.returngo]
base_url = "http://127.0.0.1:9"
shop_name = "alder.myshopify.com"
api_key = "rg-key-of-alder"

[shops.alder.cin7]
base_url = "http://127.0.0.1:9"
account_id = "cin7-account-of-alder"
application_key = "cin7-key-of-alder"

[shops.alder.hooks]
token = "hook-token-of-alder-0001"
"""


def pounds(amount: str) -> Money:
    return Money(Decimal(amount), "GBP")


class Office:
    """Seeds the ledger and runs commands on it. `url` names another database than SQLite."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.config, self.data = folder / "returnline.toml", folder / "data"
        self.config.write_text((f'database_url = "{url}"\n' if url else "") + CONFIG)
        self.url = url or f"sqlite:///{self.data / 'ledger.sqlite'}"
        migrate(self.url)
        self.ledger = Ledger(self.url)
        self.now = datetime.now(UTC)
        self.redis_url = ""

    def run(self, *words: str, **options: Any) -> Result:
        """A command as an operator types it: `run("dead list --rma 7001")`; more words are single arguments."""
        first, *rest = words
        group, *more = [*first.split(), *rest]
        told = ["--config", str(self.config), "--data", str(self.data)]
        at = 1 if group in {"dead", "exceptions", "deliveries"} else 0
        asked = [group, *more[:at], *told, *more[at:]]
        return CliRunner().invoke(
            main, asked, env={"REDIS_URL": self.redis_url, "USER": "ann", "COLUMNS": "250"}, **options
        )

    def data_of(self, *words: str, **options: Any) -> Any:
        """The command's answer as data."""
        result = self.run(*words, "--json", **options)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def a_return(self, rma: str) -> tuple[int, int]:
        """A return with a buried entry; gives the ids of both."""
        with self.ledger.write() as conn:
            return_id = returns.nudge(conn, SHOP, rma, self.now)
            entry_id = entries.wake(conn, SHOP, QUEUE, rma, return_id, self.now)
            conn.execute(t.entries.update().where(t.entries.c.id == entry_id).values(state=entries.BURIED, due_at=None))
        return return_id, entry_id

    def dead_effect(
        self, rma: str, amount: str = "30.00", reason: str = "Locked period", state: str = EffectState.REJECTED
    ) -> int:
        """A buried effect of a return of its own; gives the letter."""
        return_id, entry_id = self.a_return(rma)
        key = business_key(SHOP, rma, "comment", ["u1"])
        action = CommentOnReturn(key=key, sale_id="", units=("u1",), rma_id=rma, text="done")
        kind = ConcernType.WRITE_REJECTED if state == EffectState.REJECTED else ConcernType.WRITE_UNCERTAIN
        with self.ledger.write() as conn:
            effect_id = effects.plan(conn, entry_id, SHOP, return_id, action, self.now)
            values = {"state": state, "due_at": None, "sends": 2, "step_sends": 2, "sent_at": self.now, "why": reason}
            conn.execute(t.effects.update().where(t.effects.c.id == effect_id).values(**values))
            letter = dead.Letter(
                SHOP,
                QUEUE,
                "perform",
                kind,
                reason,
                subject=rma,
                entry_id=entry_id,
                effect_id=effect_id,
                return_id=return_id,
                money=pounds(amount),
            )
            return dead.bury(conn, letter, self.now)

    def dead_delivery(self, body: bytes = b'{"rmaId": ', name: str = "d-1") -> int:
        """An unreadable delivery; gives the letter."""
        subject = f"delivery:{name}"
        delivery = deliveries.Delivery(name, SHOP, "returngo", "", self.now, body, {"user-agent": "x"})
        with self.ledger.write() as conn:
            deliveries.admit(conn, delivery, deliveries.UNREADABLE, "", self.now, "not JSON")
            self._raise(conn, "intake", subject, Concern(ConcernType.SCHEMA_INVALID, "not JSON", "look"))
            letter = dead.Letter(
                SHOP,
                "intake",
                "admit",
                ConcernType.SCHEMA_INVALID,
                "not JSON",
                subject=subject,
                delivery_id=name,
                body=body,
                headers={"user-agent": "x"},
                evidence={"source": "returngo", "topic": ""},
            )
            return dead.bury(conn, letter, self.now)

    def a_delivery(self, name: str, subject: str) -> None:
        """A delivery that was read."""
        delivery = deliveries.Delivery(name, SHOP, "returngo", "", self.now, b"{}", {"user-agent": "x"})
        with self.ledger.write() as conn:
            deliveries.admit(conn, delivery, deliveries.ADMITTED, subject, self.now)

    def an_exception(self, rma: str, kind: ConcernType, amount: str = "12.00") -> int:
        """An open exception of a return; gives its id."""
        return_id, _ = self.a_return(rma)
        concern = Concern(kind, f"cause of {rma}", f"mend {rma}", pounds(amount))
        with self.ledger.write() as conn:
            self._raise(conn, QUEUE, rma, concern, return_id)
            where = (t.exceptions.c.subject == rma) & (t.exceptions.c.type == kind.value)
            return int(conn.execute(sa.select(t.exceptions.c.id).where(where)).scalar_one())

    def _raise(
        self, conn: sa.Connection, raised_by: str, subject: str, concern: Concern, return_id: int | None = None
    ) -> None:
        concerns.raise_(conn, SHOP, raised_by, subject, concern, self.now, return_id=return_id)

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        with self.ledger.read() as conn:
            return [dict(row) for row in conn.execute(sa.select(table).order_by(*table.primary_key)).mappings()]

    def change(self, table: sa.Table, *where: Any, **values: Any) -> None:
        with self.ledger.write() as conn:
            conn.execute(table.update().where(*where).values(**values))

    def states(self) -> list[str]:
        return [row["state"] for row in self.rows(t.dead_letters)]

    def audited(self) -> list[str]:
        return [row["did"] for row in self.rows(t.audit)]

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

"""One request to the practice Cin7, read leniently: unknown query parameters simply have no effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.books.ledger import Books
from sandbox.books.sales import Sale
from sandbox.cin7.errors import Problem, Refusal
from sandbox.world import World

ZERO_GUID = "00000000-0000-0000-0000-000000000000"


@dataclass
class Ask:
    """A request: its query with lower-case names, and its parsed JSON body."""

    world: World
    method: str
    query: Mapping[str, str]
    body: dict[str, Any]

    @property
    def books(self) -> Books:
        """The books this request sees."""
        return self.world.books

    @property
    def now(self) -> datetime:
        """The world's present moment."""
        return self.world.clock.now()

    def rule(self, name: str) -> Any:
        """Return a setting of the world."""
        return self.world.settings[name]

    def text(self, name: str, default: str = "") -> str:
        """Return a query parameter, "" when it is missing."""
        return self.query.get(name.lower(), default).strip()

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean query parameter."""
        return self.text(name, str(default)).lower() in ("true", "1")

    def need(self, name: str) -> str:
        """Return a required query parameter.

        Raises Refusal in the API's words.
        """
        value = self.text(name)
        if not value:
            raise Refusal(f"Required attribute {name} is not provided.")
        return value

    def since(self, name: str) -> datetime | None:
        """Return a UTC moment parameter with or without its suffix."""
        raw = self.text(name)
        if not raw or (raw.endswith("Z") and self.rule("updated_since_z") == "ignore"):
            return None
        try:
            moment = datetime.fromisoformat(raw if raw[10:11] == " " else raw.replace(" ", "+"))
        except ValueError as wrong:
            raise Refusal(f"Parameter '{name}' is not a valid date") from wrong
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def sale(self, sale_id: str) -> Sale:
        """Return a sale.

        Raises Refusal when there is none (400 with a 404 inside).
        """
        sale = self.books.sale(sale_id)
        if sale is None:
            raise Refusal(Problem(f"Sale with ID '{sale_id}' not found", 404))
        return sale

    def page(self, key: str, rows: list[Any], *, total: bool = True) -> dict[str, Any]:
        """Return one page of rows under the endpoint's list key; Limit defaults to 100 and stops at 1000."""
        number, limit = max(1, self._whole("Page", 1)), min(1000, max(1, self._whole("Limit", 100)))
        start = (number - 1) * limit
        head = {"Total": len(rows)} if total else {}
        return {**head, "Page": number, key: rows[start : start + limit]}

    def _whole(self, name: str, default: int) -> int:
        raw = self.text(name)
        return int(raw) if raw.lstrip("-").isdigit() else default


def decimal_of(raw: Any) -> Decimal | None:
    """Return a number sent as a JSON number or a string, None for anything else."""
    if raw is None or isinstance(raw, bool):
        return None
    try:
        return Decimal(str(raw))
    except InvalidOperation:
        return None


def date_of(raw: Any) -> date | None:
    """Return the calendar date a field starts with, None when it is no date."""
    try:
        return date.fromisoformat(str(raw)[:10])
    except ValueError:
        return None


def is_zero(guid: str) -> bool:
    """Say whether a GUID is the zero GUID, which means "new"."""
    return guid.strip("{}") == ZERO_GUID

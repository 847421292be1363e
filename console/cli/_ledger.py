"""What commands on the ledger share: opening it, who acts, times as people write them, and answers as data."""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.settings.values import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.ledger import Ledger
    from pipeline.parts import Parts

#: Characters of a line where nobody's terminal says how many it has.
PIPED_WIDTH = 180
_AGO = re.compile(r"(\d+)\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@contextmanager
def opened(settings: Settings) -> Iterator[Ledger]:
    """The ledger of these settings; where it cannot be read the command ends with exit code 1 and says why."""
    from sqlalchemy.exc import DBAPIError

    from pipeline.ledger import Ledger

    missing = missing_file(settings)
    if missing:
        raise click.ClickException(missing)
    ledger = Ledger(settings.database_url)
    try:
        yield ledger
    except DBAPIError as error:
        raise click.ClickException(trouble(error)) from None
    finally:
        ledger.close()


def missing_file(settings: Settings) -> str:
    """Why a SQLite ledger is not there; "" when it is. Opening it would make an empty one."""
    url = settings.database_url
    path = url.removeprefix("sqlite:///")
    if url.startswith("sqlite:///") and not Path(path).exists():
        return f"there is no ledger at {path}; run `returnline migrate` or `returnline up`, or name --data"
    return ""


def trouble(error: Exception) -> str:
    """A database error in one line, without the statement and its values."""
    told = str(getattr(error, "orig", error)).strip().splitlines()
    first = told[0] if told else type(error).__name__
    return f"the ledger cannot be used: {first}; check database_url, and run `returnline migrate`"


def who_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --as; the command receives `who`."""
    return click.option("--as", "who", default=_user, help="Who acts, for the audit rows (default: your user name).")(
        command
    )


def _user() -> str:
    try:
        return os.environ.get("USER") or getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


class Moment(click.ParamType[datetime]):
    """A time: ISO (2026-11-23 or 2026-11-23T14:00, the machine's zone where none is written) or a span like 2h or 3d.

    A span counts back from now, or forward where `ahead`.
    """

    name = "when"

    def __init__(self, *, ahead: bool = False) -> None:
        self._ahead = ahead

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """An aware time. Anything else is a usage error."""
        if isinstance(value, datetime):
            return value
        from pipeline.parts import utc_now

        span = _AGO.fullmatch(str(value).strip())
        try:
            if span:
                gap = timedelta(**{_UNITS[span[2]]: int(span[1])})
                return utc_now() + gap if self._ahead else utc_now() - gap
            return datetime.fromisoformat(str(value)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time; write 2026-11-23, 2026-11-23T14:00 or a span like 2h, 3d", param, ctx)


def print_json(data: Any) -> None:
    """Data on standard output: amounts as digits, times as ISO text, bytes as their number."""
    click.echo(json.dumps(data, indent=1, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return str(value)


def at(moment: datetime | None) -> str:
    """A time as people read it, in the machine's zone; "-" for none."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "-"


def age(moment: datetime, now: datetime) -> str:
    """How long ago in the largest whole unit: 40 s, 12 min, 3 h, 5 d."""
    seconds = max(int((now - moment).total_seconds()), 0)
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {word}"
    return f"{seconds} s"


def show(titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table on the terminal; the text is shown as it is, whatever brackets it holds."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def console() -> Console:
    """Where tables go: as wide as the terminal, and wide enough where there is none (a pipe, a log)."""
    from rich.console import Console

    plain = Console()
    return plain if plain.is_terminal or "COLUMNS" in os.environ else Console(width=PIPED_WIDTH)


def hinting(settings: Settings) -> Callable[..., bool]:
    """Sends hints to the workers; False when the broker is away, because the sweep finds the work."""
    from consumers.roster import NAMES
    from pipeline.parts import Parts
    from pipeline.running.address import BrokerMissingError

    parts = Parts(settings, consumers=NAMES)

    def hint(task: str, queue: str, **kwargs: int) -> bool:
        try:
            return parts.hint(task, queue, **kwargs)
        except BrokerMissingError:
            return False

    return hint


@contextmanager
def rehearsing(settings: Settings) -> Iterator[Parts]:
    """The parts of this process, to plan with and to perform nothing; what stands in the way is said in one line."""
    from console.rehearsal import CANNOT, CannotRehearseError
    from consumers.roster import NAMES
    from pipeline.parts import Parts
    from pipeline.running.address import BrokerMissingError, redis_url

    try:
        redis_url(settings)
    except BrokerMissingError as error:
        raise click.ClickException(f"the call quota cannot be asked, so nothing is read: {error}") from None
    parts = Parts(settings, consumers=NAMES)
    try:
        yield parts
    except (*CANNOT, CannotRehearseError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        parts.close()


def plain(value: object) -> str:
    """A value for JSON: a Decimal with all its digits, anything else as its text."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)

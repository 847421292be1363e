"""`returnline status`: what is waiting, where, since when and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from console.cli._ledger import age, at, missing_file, print_json, show, trouble
from console.cli._options import settings_options
from pipeline.settings.values import Settings

_STOCK = ("shop", "picture", "swept", "differs", "since", "not shown", "falls", "p50 s", "p90 s", "worst s")


@click.command()
@settings_options
@click.option("--json", "as_json", is_flag=True, help="Print it as data.")
def command(settings: Settings, as_json: bool) -> None:
    """Show what waits, what is uncertain, what is dead, and how much quota is used. Exit code 1 if a part is away."""
    from pipeline.parts import utc_now

    now = utc_now()
    seen: dict[str, Any] = {"at": now, "away": []}
    seen |= _from_ledger(settings, now, seen["away"]) | _from_redis(settings, seen["away"])
    if as_json:
        print_json(seen)
    else:
        _show(seen, now)
    raise click.exceptions.Exit(1 if seen["away"] else 0)


def _from_ledger(settings: Settings, now: datetime, away: list[str]) -> dict[str, Any]:
    from sqlalchemy.exc import DBAPIError

    from pipeline.ledger import Ledger
    from pipeline.ledger.reports import oversell
    from pipeline.ledger.reports.overview import overview

    missing = missing_file(settings)
    if missing:
        away.append(missing)
        return {}
    ledger = Ledger(settings.database_url)
    try:
        with ledger.read() as conn:
            after = oversell.stale_after(settings.intervals.availability_max)
            return overview(conn, now) | {"availability": oversell.status_rows(conn, now, after)}
    except DBAPIError as error:
        away.append(trouble(error))
        return {}
    finally:
        ledger.close()


def _from_redis(settings: Settings, away: list[str]) -> dict[str, Any]:
    from redis.exceptions import RedisError

    from consumers.roster import NAMES
    from pipeline.calls.quota import QuotaUnavailable
    from pipeline.parts import Parts
    from pipeline.running.address import BrokerMissingError

    parts = Parts(settings, consumers=NAMES)
    try:
        depth = parts.inbox.depth()
        inbox = {"waiting": depth.waiting, "taken": depth.pending, "oldest_seconds": round(depth.oldest_age_seconds, 1)}
        return {"inbox": inbox, "quota": [_quota(parts, name) for name in settings.shops]}
    except BrokerMissingError as error:
        away.append(str(error))
    except (RedisError, QuotaUnavailable) as error:
        away.append(f"Redis cannot be asked ({type(error).__name__}); nothing is sent to Cin7 or ReturnGO meanwhile")
    return {}


def _quota(parts: Any, name: str) -> dict[str, Any]:
    shop = parts.shop(name)
    window, day = shop.cin7_quota.usage(), shop.returngo_quota.usage()
    return {
        "shop": name,
        "cin7": {"used": window.used, "limit": window.limit, "held": window.held, "throttles": window.throttles},
        "cin7_foreign": window.foreign,
        "returngo": {"used": day.used, "limit": day.limit, "held": day.held, "throttles": day.throttles},
    }


def _show(seen: dict[str, Any], now: datetime) -> None:
    for problem in seen["away"]:
        click.secho(f"AWAY: {problem}", fg="red")
    if "inbox" in seen:
        box = seen["inbox"]
        old = f", oldest {box['oldest_seconds']:.0f} s" if box["waiting"] + box["taken"] else ""
        click.echo(f"inbox: {box['waiting']} waiting, {box['taken']} taken and not done{old}")
    for quota in seen.get("quota", ()):
        _show_quota(quota)
    if "returns" in seen:
        _show_ledger(seen, now)


def _show_quota(quota: dict[str, Any]) -> None:
    for system, span in (("cin7", "this window"), ("returngo", "today")):
        one = quota[system]
        held = f", held for another {one['held']:.0f} s" if one["held"] else ""
        click.echo(f"calls of {quota['shop']} to {system}: {one['used']} of {one['limit']} {span}{held}")
    if quota["cin7_foreign"]:
        click.echo(f"  {quota['cin7_foreign']} refusals while within the limit: somebody else uses this Cin7 key")


def _show_ledger(seen: dict[str, Any], now: datetime) -> None:
    known = seen["returns"]
    since = f", oldest since {age(known['oldest_due'], now)}" if known["oldest_due"] else ""
    click.echo(f"returns: {known['known']} known, {known['to_read']} to be read{since}")
    for lane in seen["lanes_stopped"]:
        until = at(lane["until"])
        click.secho(f"STOPPED: {lane['system']} of {lane['shop']} until {until}: {lane['why']}", fg="red")
    _table("waiting", seen["waiting"], ("consumer", "state", "count", "since", "next", "reason"))
    _table("entries", seen["entries"], ("consumer", "state", "count"))
    _table("effects", seen["effects"], ("kind", "state", "count"))
    _table("uncertain effects", seen["uncertain"], ("rma_id", "marker", "sent_at", "sends", "due_at", "why"))
    _table("dead letters", seen["dead_letters"], ("queue", "state", "count", "money", "oldest"))
    _table("open exceptions", seen["exceptions"], ("owner", "count", "snoozed", "money", "oldest"))
    _table("returns that could not be read", known["not_read"], ("shop", "rma_id", "failures", "due_at", "trouble"))
    _table("stock shown, and the oversell window of 14 days", seen["availability"], _STOCK)
    _table("polls", seen["polls"], ("shop", "poll", "last"))


def _table(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if rows:
        click.echo(f"\n{title}")
        show(columns, [tuple(_cell(row[column]) for column in columns) for row in rows])


def _cell(value: Any) -> str:
    from pipeline.ledger.letters.letters import money_text

    if isinstance(value, datetime):
        return at(value)
    if isinstance(value, dict):
        return money_text(value)
    return "-" if value is None or value == "" else str(value)[:300]

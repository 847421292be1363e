"""Is this installation fit to run? One row per check, green, amber or red, and what to do about it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.running import valkey
from pipeline.settings.values import Settings

if TYPE_CHECKING:
    from pipeline.calls.call import Http
    from pipeline.parts import Parts, ShopParts
from console.doctor.row import Light, Row, amber, green, red


def examine(settings: Settings, now: datetime) -> list[Row]:
    """Looks at everything this installation stands on; reads only, but for one key written to Redis and deleted again.

    The calls to Cin7 Core and ReturnGO take their quota slots like all others. Never raises for what it looks at.
    """
    from console.doctor.ground import broker_rows, import_rows, ledger_rows
    from console.doctor.shop import shop_rows

    rows = [green("settings", str(settings.config_path or "given")), *import_rows(), *ledger_rows(settings)]
    try:
        with reachable_broker(settings) as (whole, note):
            rows += [*note, *broker_rows(whole.redis_url)]
            if not any(row.light is Light.RED and row.check == "broker" for row in rows):
                rows += _each_shop(whole, now, shop_rows)
    except (valkey.EmbeddedServerError, RuntimeError) as error:
        rows.append(red("broker", str(error), "read the server's log, or set REDIS_URL"))
    return rows


@contextlib.contextmanager
def reachable_broker(settings: Settings) -> Iterator[tuple[Settings, list[Row]]]:
    """Gives settings whose `redis_url` can be called: an embedded server that is down is started for the time being."""
    if settings.redis_url:
        yield settings, []
        return
    server = valkey.start(valkey.folder_of(settings.data_dir), follow=True)
    note = [] if server.adopted else [amber("roles", "not running", "start them with `returnline up`")]
    try:
        yield replace(settings, redis_url=server.url), note
    finally:
        if not server.adopted:
            server.stop()


def _each_shop(settings: Settings, now: datetime, shop_rows: Callable[..., Iterator[Row]]) -> list[Row]:
    from pipeline.calls.call import Http
    from pipeline.parts import Parts

    parts, http = Parts(settings, clock=lambda: now), Http()
    try:
        rows: list[Row] = []
        for name in settings.shops:
            shop = _unwritten(parts.shop(name), http)
            mine = list(shop_rows(settings, shop, now))
            rows += [*mine, *_setup(parts, shop, now, mine)]
        return rows
    finally:
        http.close()
        parts.close()


def _setup(parts: Parts, shop: ShopParts, now: datetime, so_far: list[Row]) -> list[Row]:
    """The terms against the returns so far; nothing where there is no ledger to read or Cin7 does not answer."""
    from sqlalchemy.exc import SQLAlchemyError

    from console.doctor.terms import setup_rows

    url = parts.settings.database_url
    absent = url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists()
    if absent or any(row.check == f"{shop.name} cin7" and row.light is Light.RED for row in so_far):
        return []
    try:
        return list(setup_rows(parts.ledger, shop, now))
    except SQLAlchemyError:
        # Said by the ledger's own row.
        return []


def _unwritten(shop: ShopParts, http: Http) -> ShopParts:
    """The same clients without an observer: these calls are no part of any return, and the ledger may not exist yet."""
    from pipeline.cin7 import Cin7
    from pipeline.returngo.client import ReturnGo

    cin7 = Cin7(shop.cin7.access, shop.cin7_quota, http)
    return replace(shop, cin7=cin7, returngo=ReturnGo(shop.returngo.access, shop.returngo_quota, http))

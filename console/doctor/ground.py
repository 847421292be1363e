"""What every installation stands on: our own import names, a broker that does not forget, a ledger up to date."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from console.doctor.row import Row, amber, green, red
from pipeline.settings.values import Settings

NAMES = ("schemas", "consumers", "tasks", "pipeline")
OLDEST_SERVER = (6, 2)
DURABLE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


def import_rows() -> Iterator[Row]:
    """Our import names are plain words: each must resolve here, and no other distribution may bring the same."""
    home = Path(__file__).resolve().parents[2]
    owners = importlib.metadata.packages_distributions()
    strangers = []
    for name in NAMES:
        spec = importlib.util.find_spec(name)
        places = [Path(place).resolve() for place in (spec.submodule_search_locations or ())] if spec else []
        if places != [home / name] or set(owners.get(name, ["returnline"])) != {"returnline"}:
            strangers.append(name)
    if strangers:
        fix = "give Returnline an environment of its own"
        yield red("import names", f"{', '.join(strangers)} belong to something else too", fix)
    else:
        yield green("import names", f"{', '.join(NAMES)} resolve here")


def broker_rows(url: str) -> Iterator[Row]:
    """The broker answers, writes, fsyncs before it answers, and never evicts."""
    try:
        with redis.Redis.from_url(url, decode_responses=True, socket_timeout=5, socket_connect_timeout=3) as client:
            yield _version(client)
            yield _write(client)
            yield from _durability(client)
    except (redis.RedisError, OSError) as error:
        yield red("broker", f"does not answer ({type(error).__name__})", "start it, or correct REDIS_URL")


def ledger_rows(settings: Settings) -> Iterator[Row]:
    """The ledger can be reached and has the tables this version needs."""
    from sqlalchemy.exc import SQLAlchemyError

    from pipeline.ledger import Ledger
    from pipeline.ledger.schema.migrating import at_head

    url = settings.database_url
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        yield amber("ledger", "not there yet", "`returnline migrate` makes it; `returnline up` does so by itself")
        return
    try:
        current, newest = at_head(Ledger(url))
    except SQLAlchemyError as error:
        yield red("ledger", f"cannot be read ({type(error).__name__})", "correct DATABASE_URL, or start the database")
        return
    if current == newest:
        yield green("ledger", f"up to date ({newest})")
    else:
        yield red("ledger", f"at {current or 'nothing'}, not at {newest}", "run `returnline migrate`")


def _version(client: redis.Redis) -> Row:
    info: Any = client.info("server")
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        return red("broker", f"{name} {version}", "use version 6.2 or newer")
    return green("broker", f"{name} {version} answers")


def _write(client: redis.Redis) -> Row:
    try:
        client.set("returnline:doctor", "1", ex=10)
        client.delete("returnline:doctor")
    except redis.ResponseError as error:
        return red("broker write", f"refused: {error}", "free memory or disk, or point at the primary")
    return green("broker write", "accepted")


def _durability(client: redis.Redis) -> Iterator[Row]:
    for name, wanted in DURABLE.items():
        try:
            found: Any = client.config_get(name)
        except redis.ResponseError:
            yield amber(f"broker {name}", "the server does not say", f"make sure that it is {wanted}")
            continue
        value = str(found.get(name, ""))
        if value == wanted:
            yield green(f"broker {name}", value)
        else:
            yield red(f"broker {name}", value or "unknown", f"set {name} {wanted}: an accepted event could be lost")

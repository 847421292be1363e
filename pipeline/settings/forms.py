"""The settings file, table by table."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import ValidationError, fields, validate

from pipeline.settings.environment import SHOP_SECRETS, variable
from pipeline.settings.fields import (
    MISSING,
    Form,
    Many,
    Named,
    OneOf,
    address,
    flatten,
    seconds,
    switch,
    table,
    text,
    whole,
    words,
)
from pipeline.settings.terms import TermsForm
from pipeline.settings.values import (
    Cin7Settings,
    FlowerSettings,
    HookSettings,
    IngressSettings,
    Intervals,
    ReturnGoSettings,
    Settings,
    Shop,
    ShopifySettings,
)

TOKEN_FORM = r"[A-Za-z0-9._~-]{16,256}"  # noqa: S105 - a form, not a token
TOKEN_FIX = "use 16 to 256 letters, digits, '-', '_', '.' or '~' (it stands in a URL)"  # noqa: S105 - advice, not a token
#: Names that stand in an address, where people paste the whole address.
HOST_NAME = r"[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)*"
NAME_FIX = "write the name alone, without https:// and path, such as "
NO_SHOPS = "none given; write [shops.NAME.returngo] and [shops.NAME.cin7]"
SHOP_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class FolderField(fields.Field[Path]):
    """A folder's path."""

    default_error_messages = words()

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Path:
        if not isinstance(value, str) or not value:
            raise ValidationError("not a path; write it between quotes")
        if "\0" in value:
            raise ValidationError("not a path; write it without control characters")
        return Path(value).expanduser()


class IngressForm(Form):
    """[ingress]."""

    builds = IngressSettings
    host = text(required=False)
    port = whole(0, 65_535)
    body_cap = whole(1_024, 16_777_216)
    max_inbox = whole(1)
    public_url = address(optional=True)
    metrics_token = text()


class IntervalsForm(Form):
    """[intervals]."""

    builds = Intervals
    sweep = seconds()
    returngo_poll = seconds()
    transactions_poll = seconds()
    rotation = seconds()
    sales_poll = seconds()
    notes_poll = seconds()
    drafts_poll = seconds()
    reference_refresh = seconds()
    webhook_watchdog = seconds()
    lookup_waits = Many(seconds(), validate=validate.Length(min=2, error="needs at least two waits, such as [5, 15]"))
    quiet_period = seconds()
    write_deadline = seconds()
    read_deadline = seconds()
    lease = seconds()
    park_min = seconds()
    park_max = seconds()
    quota_patience = seconds()
    availability_min = seconds()
    availability_max = seconds()
    task_soft_limit = seconds()
    task_limit = seconds()
    visibility = seconds()


class FlowerForm(Form):
    """[flower]."""

    builds = FlowerSettings
    enabled = switch()
    port = whole(0, 65_535)
    user = text(pattern=r"[^:\s]+", fix="use a name without a colon or space")
    password = text()


class ReturnGoForm(Form):
    """[shops.NAME.returngo]."""

    builds = ReturnGoSettings
    base_url = address()
    shop_name = text(required=True, pattern=r"[^\s/:]+", fix=f"{NAME_FIX}alder.myshopify.com")
    api_key = text(required=True)
    daily_limit = whole(1)
    comment_field = OneOf(("", "htmlText", "comment"))


class Cin7Form(Form):
    """[shops.NAME.cin7]."""

    builds = Cin7Settings
    base_url = address()
    account_id = text(required=True)
    application_key = text(required=True)
    limit = whole(1)
    window = seconds()
    reserve = whole(0)
    margin = whole(0)


class ShopifyForm(Form):
    """[shops.NAME.shopify]."""

    builds = ShopifySettings
    base_url = address(optional=True)
    shop = text(required=True, pattern=HOST_NAME, fix=f"{NAME_FIX}alder or alder.myshopify.com")
    access_token = text(required=True)
    location_id = text(
        pattern=r"|\d+|gid://shopify/Location/\d+",
        fix="write the number at the end of the location's address in the shop's admin",
    )


class HooksForm(Form):
    """[shops.NAME.hooks]."""

    builds = HookSettings
    token = text(required=True, pattern=TOKEN_FORM, fix=TOKEN_FIX, secret=True)
    previous_token = text(pattern=f"|{TOKEN_FORM}", fix=TOKEN_FIX, secret=True)
    bearer = text()
    basic_user = text()
    basic_password = text()
    hmac_secrets = Many(text(required=True))
    signed_sources = Many(text(pattern="returngo|cin7", fix="write returngo or cin7"))


@dataclasses.dataclass(frozen=True, slots=True)
class ShopTables:
    """One shop's tables before it has its name."""

    returngo: ReturnGoSettings
    cin7: Cin7Settings
    hooks: HookSettings
    shopify: ShopifySettings | None = None
    terms: Any = dataclasses.field(default_factory=lambda: TermsForm().load({}))


class ShopForm(Form):
    """[shops.NAME]."""

    builds = ShopTables
    returngo = table(ReturnGoForm, required=True)
    cin7 = table(Cin7Form, required=True)
    hooks = table(HooksForm, required=True)
    shopify = table(ShopifyForm)
    terms = table(TermsForm)


class SettingsForm(Form):
    """The file."""

    builds = Settings
    data_dir = FolderField()
    redis_url = text(
        pattern=r"|(rediss?|unix)://.+",
        fix="write redis://host:6379/0, or leave it out for the embedded server",
        secret=True,
    )
    prefix = text(pattern=r"[a-z0-9_-]+:", fix="use small letters, digits and dashes with a colon at the end")
    database_url = text(
        pattern=r"|(sqlite|postgresql)(\+\w+)?://.*",
        fix="write postgresql+psycopg://..., or leave it out for SQLite",
        secret=True,
    )
    ingress = table(IngressForm)
    intervals = table(IntervalsForm)
    flower = table(FlowerForm)
    metrics_port = whole(0, 65_535)
    sentry_dsn = text()
    log_level = OneOf(("debug", "info", "warning", "error"))
    shops = Named(
        ShopForm(),
        required=True,
        validate=validate.Length(min=1, error=NO_SHOPS),
        error_messages=words(required=NO_SHOPS, null=NO_SHOPS),
    )


def read_settings(raw: Mapping[str, Any]) -> tuple[Settings | None, list[str]]:
    """Returns the settings, or None and every problem with its key."""
    try:
        settings: Settings = SettingsForm().load(raw)
    except ValidationError as error:
        return None, [f"{path}: {_advice(path, words)}" for path, words in flatten(error.messages)]
    bad = [name for name in settings.shops if not SHOP_NAME.fullmatch(name)]
    problems = [f"shops.{name}: use small letters, digits, '-' and '_' (it stands in a URL)" for name in bad]
    fields_of = {field.name for field in dataclasses.fields(ShopTables)}
    shops = {n: Shop(name=n, **{f: getattr(tables, f) for f in fields_of}) for n, tables in settings.shops.items()}
    return dataclasses.replace(settings, shops=shops), problems


def _advice(path: str, words: str) -> str:
    """A missing secret can come from the environment too; say under which name."""
    parts = path.split(".")
    if words == MISSING and len(parts) == 4 and (secret := ".".join(parts[2:])) in SHOP_SECRETS:
        name = variable(parts[1], secret)
        return f"missing; set {name} or {name}_FILE, or write it in the file"
    return "missing; write it in the settings file" if words == MISSING else words

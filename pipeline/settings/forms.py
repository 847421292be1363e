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
    key,
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
    host = key("Address the ingress listens on.", text(required=False))
    port = key("Port of the ingress; 0 takes a free one, shown by `returnline up`.", whole(0, 65_535))
    body_cap = key("Largest webhook body that is taken, in bytes.", whole(1_024, 16_777_216))
    max_inbox = key("Entries not yet admitted; beyond it senders are told to come back.", whole(1))
    public_url = key(
        "How the outside reaches us; `returnline doctor` compares the registered webhooks with it.",
        address(optional=True),
    )
    metrics_token = key("Bearer token that the ingress's metrics page asks for.", text(), is_secret=True)


class IntervalsForm(Form):
    """[intervals]."""

    builds = Intervals
    sweep = key("How often due retries, expired leases and lost hints are looked for.", seconds())
    returngo_poll = key("How often returns are read by status; counts against ReturnGO's calls a day.", seconds())
    transactions_poll = key("How often ReturnGO's refunds are read.", seconds())
    rotation = key(
        "Every open return is read again in turn this often; more slowly from a quarter of daily_limit on.", seconds()
    )
    sales_poll = key("How often sales changed in Cin7 Core are read.", seconds())
    notes_poll = key(
        "How often credit notes changed in Cin7 Core are read: ours verified, foreign ones found.", seconds()
    )
    drafts_poll = key("How often draft orders in Cin7 Core are read: exchanges that nobody released.", seconds())
    reference_refresh = key("How often locations, tax rules, accounts and the lock date are read.", seconds())
    webhook_watchdog = key(
        "How often Cin7 Core's webhooks are checked; it switches one off after six failures, without a word.", seconds()
    )
    lookup_waits = key(
        "Waits between the looks for a write whose outcome is unknown; they grow.",
        Many(seconds(), validate=validate.Length(min=2, error="needs at least two waits, such as [5, 15]")),
    )
    quiet_period = key("Wait before such a write may be made again; more than twice write_deadline.", seconds())
    write_deadline = key("Most time for a writing call, connect to last byte.", seconds())
    read_deadline = key("Most time for a reading call, connect to last byte.", seconds())
    lease = key(
        "A worker that holds a return longer is taken for dead; more than write_deadline + read_deadline.", seconds()
    )
    park_min = key("After a failure, a return is tried again about this long later, then ever later.", seconds())
    park_max = key(
        "The longest wait between two tries of a return after failures.",
        seconds(),
    )
    quota_patience = key("How long a worker waits for a call slot before it parks the return.", seconds())
    availability_min = key("Between two sweeps of the stock on an idle line to Cin7 Core.", seconds())
    availability_max = key("Between two sweeps of the stock while returns wait for the line to Cin7 Core.", seconds())
    task_soft_limit = key("A task is told to stop after this; more than quota_patience + write_deadline.", seconds())
    task_limit = key("A task is ended after this; more than task_soft_limit.", seconds())
    visibility = key(
        "An unconfirmed task is given out again after this; at least three times task_limit.",
        seconds(),
    )


class FlowerForm(Form):
    """[flower]."""

    builds = FlowerSettings
    enabled = key("Runs Flower, read-only and on 127.0.0.1 only; needs a password.", switch())
    port = key("Port of Flower.", whole(0, 65_535))
    user = key("User name that Flower asks for.", text(pattern=r"[^:\s]+", fix="use a name without a colon or space"))
    password = key("Password that Flower asks for.", text(), is_secret=True)


class ReturnGoForm(Form):
    """[shops.NAME.returngo]."""

    builds = ReturnGoSettings
    base_url = key("Address of ReturnGO's API.", address())
    shop_name = key(
        "The shop's name in ReturnGO, such as alder.myshopify.com.",
        text(required=True, pattern=r"[^\s/:]+", fix=f"{NAME_FIX}alder.myshopify.com"),
    )
    api_key = key("Key of ReturnGO's API.", text(required=True), is_secret=True)
    daily_limit = key("Calls that ReturnGO grants a UTC day.", whole(1))
    comment_field = key(
        "Name of the comment's field in ReturnGO; left empty it is learnt by trying.",
        OneOf(("", "htmlText", "comment")),
    )


class Cin7Form(Form):
    """[shops.NAME.cin7]."""

    builds = Cin7Settings
    base_url = key("Address of Cin7 Core's API.", address())
    account_id = key("Account ID of the Cin7 Core company.", text(required=True), is_secret=True)
    application_key = key("Application key of Cin7 Core's API.", text(required=True), is_secret=True)
    limit = key("Calls in any `window`, per application key.", whole(1))
    window = key("The time in which `limit` calls may be made.", seconds())
    reserve = key("Calls of the limit kept for money; stock sync and polling leave them free.", whole(0))
    margin = key("Calls of the limit never used, against networks that jitter.", whole(0))


class ShopifyForm(Form):
    """[shops.NAME.shopify]."""

    builds = ShopifySettings
    base_url = key("Another address than the shop's own, such as a recording proxy.", address(optional=True))
    shop = key(
        "The shop's name, such as alder or alder.myshopify.com.",
        text(required=True, pattern=HOST_NAME, fix=f"{NAME_FIX}alder or alder.myshopify.com"),
    )
    access_token = key(
        "Access token; needs read_products, read_inventory, write_inventory and read_locations.",
        text(required=True),
        is_secret=True,
    )
    location_id = key(
        "The number in the location's address; left empty it is the only active one.",
        text(
            pattern=r"|\d+|gid://shopify/Location/\d+",
            fix="write the number at the end of the location's address in the shop's admin",
        ),
    )


class HooksForm(Form):
    """[shops.NAME.hooks]."""

    builds = HookSettings
    token = key(
        "Stands in the webhooks' address: 16 characters or more.",
        text(required=True, pattern=TOKEN_FORM, fix=TOKEN_FIX, secret=True),
        is_secret=True,
    )
    previous_token = key(
        "Still good while the token is being changed.",
        text(pattern=f"|{TOKEN_FORM}", fix=TOKEN_FIX, secret=True),
        is_secret=True,
    )
    bearer = key("Bearer token asked of Cin7 Core's webhooks when set.", text(), is_secret=True)
    basic_user = key("User name asked of Cin7 Core's webhooks when set.", text())
    basic_password = key("Password asked of Cin7 Core's webhooks when set.", text(), is_secret=True)
    hmac_secrets = key("Standard Webhooks secrets of a relay that signs.", Many(text(required=True)), is_secret=True)
    signed_sources = key(
        "Whose webhooks must carry a signature once hmac_secrets are set.",
        Many(text(pattern="returngo|cin7", fix="write returngo or cin7")),
    )


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
    returngo = key("Access to ReturnGO.", table(ReturnGoForm, required=True))
    cin7 = key("Access to Cin7 Core.", table(Cin7Form, required=True))
    hooks = key("What a sender of webhooks must know.", table(HooksForm, required=True))
    shopify = key("The inventory that ReturnGO reads, where availability_target is shopify.", table(ShopifyForm))
    terms = key("What the merchant decides.", table(TermsForm))


class SettingsForm(Form):
    """The file."""

    builds = Settings
    data_dir = key("Folder of all state: embedded server, ledger, logs.", FolderField())
    redis_url = key(
        "Address of Valkey or Redis; left empty: the embedded server under data_dir.",
        text(
            pattern=r"|(rediss?|unix)://.+",
            fix="write redis://host:6379/0, or leave it out for the embedded server",
            secret=True,
        ),
        is_secret=True,
    )
    prefix = key(
        "Stands before every Redis key; two installations on one Redis need two.",
        text(pattern=r"[a-z0-9_-]+:", fix="use small letters, digits and dashes with a colon at the end"),
    )
    database_url = key(
        "Address of the ledger's database; left empty: SQLite under data_dir.",
        text(
            pattern=r"|(sqlite|postgresql)(\+\w+)?://.*",
            fix="write postgresql+psycopg://..., or leave it out for SQLite",
            secret=True,
        ),
        is_secret=True,
    )
    ingress = key("Where the webhooks arrive.", table(IngressForm))
    intervals = key("How often things are done, and how long they may take.", table(IntervalsForm))
    flower = key("Flower, the view of the queues.", table(FlowerForm))
    metrics_port = key("Port of the ledger's figures for Prometheus on 127.0.0.1; 0 is off.", whole(0, 65_535))
    sentry_dsn = key("Where error reports go; left empty they leave this machine never.", text(), is_secret=True)
    log_level = key("The least that is logged.", OneOf(("debug", "info", "warning", "error")))
    shops = key(
        "One table a shop.",
        Named(
            ShopForm(),
            required=True,
            validate=validate.Length(min=1, error=NO_SHOPS),
            error_messages=words(required=NO_SHOPS, null=NO_SHOPS),
        ),
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

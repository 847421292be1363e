"""Logs: one wide JSON line per thing that happened (colours on a terminal), with no secret and no shopper in it."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

import structlog

from pipeline.settings.environment import secrets_of
from pipeline.settings.values import Settings

HIDDEN = "[hidden]"
SECRET_KEYS = re.compile(
    r"(?i)(api[-_]?key|application[-_]?key|account[-_]?id|api-auth|token|secret|password|authorization|bearer|dsn|cookie)"
)
PERSONAL_KEYS = re.compile(
    r"(?i)(e[-_]?mail|phone|first_?name|last_?name|customer_?name|contact_?name|address\d?$|postcode|zip)"
)
HARMLESS_KEYS = frozenset({"base_address", "ip_address"})
# Bounded, so that a long line takes no longer than its length deserves.
EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
URL_PASSWORD = re.compile(r"(?<=://)[^/@\s:]{0,256}:[^/@\s]{0,256}(?=@)")
HOOK_TOKEN = re.compile(r"(/hooks/[^/\s]+/[^/\s]+/)[^/\s?]+")

Processor = Callable[[Any, str, MutableMapping[str, Any]], MutableMapping[str, Any]]


class Redaction:
    """Hides values by their key, by their shape, and by being one of the settings' own secrets."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The structlog processor."""
        return {key: self.clean(value, key) for key, value in event.items()}

    def clean(self, value: Any, key: str = "") -> Any:
        """Returns the value fit to be read by anybody; tables and lists are cleaned inside."""
        if key and key not in HARMLESS_KEYS and (SECRET_KEYS.search(key) or PERSONAL_KEYS.search(key)):
            return HIDDEN if value else value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.clean(inner, str(name)) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.clean(inner) for inner in value]
        if isinstance(value, bytes):
            return f"{len(value)} bytes"
        return value

    def text(self, value: str) -> str:
        """Returns the text without e-mail addresses, passwords in URLs, webhook tokens and known secrets."""
        if self._known is not None:
            value = self._known.sub(HIDDEN, value)
        value = URL_PASSWORD.sub(HIDDEN, value)
        value = HOOK_TOKEN.sub(rf"\g<1>{HIDDEN}", value)
        return EMAIL.sub(HIDDEN, value)


def for_role(settings: Settings, role: str) -> None:
    """Sets up this process's logs, and its error reports where the settings have a Sentry DSN."""
    configure(settings.log_level, secrets_of(settings), role=role)
    start_sentry(settings.sentry_dsn, secrets_of(settings), role=role)


def configure(level: str = "info", secrets: Iterable[str] = (), *, role: str = "", console: bool | None = None) -> None:
    """Sets up structlog and the standard library's logging for this process, both through the same redaction.

    `console` None decides by whether standard error is a terminal. Calling it again replaces the earlier set-up.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _naming(role),
        Redaction(secrets),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    _standard_library(level, shared, on_terminal=sys.stderr.isatty() if console is None else console)


def start_sentry(dsn: str, secrets: Iterable[str] = (), *, role: str = "") -> bool:
    """Starts error reports, scrubbed of secrets and shoppers; without a DSN starts nothing. Returns whether."""
    if not dsn:
        return False
    import sentry_sdk

    scrub = scrubber(secrets)
    sentry_sdk.init(
        dsn=dsn,
        # Personal data is left out unless asked for; the option that used to say so warns of its own end.
        include_local_variables=False,  # locals hold request bodies and keys
        max_request_body_size="never",
        before_send=scrub,
        before_breadcrumb=scrub,
    )
    if role:
        sentry_sdk.set_tag("role", role)
    return True


def scrubber(secrets: Iterable[str]) -> Callable[[Any, Any], Any]:
    """Returns what Sentry calls before it sends an event or keeps a breadcrumb."""
    redaction = Redaction(secrets)

    def scrub(event: Any, _hint: Any) -> Any:
        return redaction.clean(dict(event))

    return scrub


def _naming(role: str) -> Processor:
    """Not a context variable: tasks clear those between runs."""

    def name_role(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if role:
            event.setdefault("role", role)
        return event

    return name_role


def _standard_library(level: str, shared: list[Any], *, on_terminal: bool) -> None:
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(sort_keys=True)
    )
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(level.upper())
    for noisy in ("httpx", "httpcore", "urllib3", "celery.worker.strategy", "celery.app.trace", "celery.beat"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

"""One frozen value that says how this installation runs: a TOML file and the environment, refused whole if wrong."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipeline.settings.environment import text_of
from pipeline.settings.values import CONFIG_VARIABLE, Settings, SettingsInvalidError


def load(config: Path | None = None, data: Path | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """Reads `config` (else `RETURNLINE_CONFIG`, else ./returnline.toml) and the environment.

    `data` (else `RETURNLINE_DATA`, else the file's `data_dir`) holds all state.
    Raises SettingsInvalidError with all problems at once.
    """
    from pipeline.settings.environment import apply_environment

    environment = os.environ if env is None else env
    path = config or Path(environment.get(CONFIG_VARIABLE) or "returnline.toml")
    raw = _parsed(path)
    problems = apply_environment(raw, environment)
    if data is not None:
        raw["data_dir"] = str(data)
    return read(raw, path, problems)


def read(raw: Mapping[str, Any], path: Path | None = None, known_problems: list[str] | None = None) -> Settings:
    """Builds settings from plain values, as the file holds them. Raises SettingsInvalidError."""
    from pipeline.settings.forms import read_settings
    from pipeline.settings.rules import broken_rules

    problems = list(known_problems or [])
    settings, found = read_settings(raw)
    problems += found
    if settings is not None:
        problems += broken_rules(settings)
    if problems or settings is None:
        raise SettingsInvalidError(problems)
    folder = settings.data_dir.absolute()
    return replace(
        settings,
        data_dir=folder,
        config_path=path.absolute() if path else None,
        database_url=settings.database_url or f"sqlite:///{folder / 'ledger.sqlite'}",
    )


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text_of(path), parse_float=Decimal)
    except FileNotFoundError:
        raise SettingsInvalidError([f"{path}: no such file; name one with --config or {CONFIG_VARIABLE}"]) from None
    except OSError as error:
        raise SettingsInvalidError([f"{path}: cannot read ({error.strerror}); check the path and its rights"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalidError([f"{path}: not TOML ({error}); fix that line"]) from None

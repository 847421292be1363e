"""What every command shares: the settings options, and how refused settings are shown."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipeline.settings.load import load
from pipeline.settings.values import Settings, SettingsInvalidError

#: A row's own number: what a database can count to, so that a slip of the keyboard is a usage error.
RowNumber = click.IntRange(1, 2**31 - 1)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --config and --data; the command receives `settings`. Refused settings end the command with exit code 2."""

    @click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Settings file (else RETURNLINE_CONFIG, else returnline.toml).",
    )
    @click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of all state (else RETURNLINE_DATA, else data_dir).",
    )
    @functools.wraps(command)
    def with_settings(config: Path | None, data: Path | None, **options: Any) -> Any:
        return command(settings=read_or_exit(config, data), **options)

    return with_settings


def read_or_exit(config: Path | None, data: Path | None) -> Settings:
    """Reads the settings; prints every problem and ends with exit code 2 when they are refused."""
    try:
        return load(config, data)
    except SettingsInvalidError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        raise click.exceptions.Exit(2) from None

"""The front door: a command is a file, and refused settings are shown, not thrown."""

from __future__ import annotations

from pathlib import Path

import click
from click.testing import CliRunner

from console.cli import main


def test_every_command_is_listed_with_a_line_of_help() -> None:
    result = CliRunner().invoke(main, ["--help"])

    assert result.exit_code == 0
    for name in ("up", "down", "doctor", "ingress", "migrate"):
        assert f"\n  {name} " in result.output


def test_each_command_explains_itself() -> None:
    for name in main.list_commands(click.Context(main)):
        result = CliRunner().invoke(main, [name, "--help"])

        assert result.exit_code == 0, name
        assert "Usage: " in result.output


def test_an_unknown_command_is_refused() -> None:
    assert CliRunner().invoke(main, ["uup"]).exit_code == 2


def test_refused_settings_end_a_command_with_every_problem_and_code_2(tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text("[shops.alder.cin7]\nlimit = 0\n")

    result = CliRunner().invoke(main, ["down", "--config", str(config)])

    assert result.exit_code == 2
    assert "shops.alder.cin7.limit: must be" in result.output
    assert "shops.alder.returngo: missing" in result.output


def test_migrate_makes_the_ledger_under_the_data_folder(tmp_path: Path) -> None:
    config = tmp_path / "returnline.toml"
    config.write_text(
        "[shops.alder.returngo]\nshop_name='a'\napi_key='abcd'\n[shops.alder.cin7]\naccount_id='abcd'\n"
        "application_key='abcd'\n[shops.alder.hooks]\ntoken='hook-token-of-alder-0001'\n"
    )
    told = ["--config", str(config), "--data", str(tmp_path / "data")]

    assert CliRunner().invoke(main, ["migrate", *told]).exit_code == 0
    assert (tmp_path / "data" / "ledger.sqlite").exists()
    assert "nothing was running" in CliRunner().invoke(main, ["down", *told]).output

"""`returnline COMMAND`: the front door for operators. Each module here that does not begin with `_` is one command.

A new command is a new file: `pipeline/cli/NAME.py` with a click command or group called `command`.
"""

from __future__ import annotations

import importlib
import pkgutil

import click


class Commands(click.Group):
    """Finds commands by file name and imports only the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, by name."""
        found = (module.name for module in pkgutil.iter_modules(__path__))
        return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, None if there is no such file."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="returnline")
def main() -> None:
    """Turns ReturnGO returns into the right Cin7 Core documents, once."""

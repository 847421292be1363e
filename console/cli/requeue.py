"""`returnline requeue`: the short form of `returnline dead requeue`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from console.cli._letters import requeue_options, run_requeue
from pipeline.settings.values import Settings

if TYPE_CHECKING:
    from pipeline.ledger.letters.letters import Filter


@click.command()
@requeue_options
def command(settings: Settings, wanted: Filter, who: str, **how: Any) -> None:
    """Bring dead letters back to work. Shows what it would do; --yes does it.

    What may already have been sent is looked up first; what is already there counts as done.
    """
    run_requeue(settings, wanted, who, **how)

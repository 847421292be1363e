"""`python -m pipeline.ingress --host H --port P --port-file F < settings.json`: the ingress as its own process."""

import argparse
import sys
from pathlib import Path

from pipeline.ingress import serve
from pipeline.ingress.settings_file import settings_from_json


def main(arguments: list[str] | None = None) -> int:
    """Read settings as JSON on standard input (secrets stay out of arguments and environment), then serve."""
    parser = argparse.ArgumentParser(prog="pipeline.ingress", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--port-file", type=Path)
    chosen = parser.parse_args(arguments)
    try:
        settings = settings_from_json(sys.stdin.read())
    except (TypeError, ValueError) as error:
        sys.stderr.write(f"ingress: {error}\n")
        return 2
    serve(settings, chosen.host, chosen.port, chosen.port_file)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m a4s_sandbox`: serves the demo's world, or a big one, and prints the URL."""

import argparse
import sys

from a4s_sandbox.data.big import generated_world
from a4s_sandbox.serving.command import serve


def main() -> None:
    """Read the arguments and serve until INT or TERM."""
    parser = argparse.ArgumentParser(prog="python -m a4s_sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; 0.0.0.0 within a container")
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--token", help="the bearer token that clients have to send")
    parser.add_argument("--orders", type=int, help="serve so many plain orders instead of the demo's data")
    parser.add_argument("--lines-per-order", type=int, default=4)
    given = parser.parse_args()
    world = None if given.orders is None else generated_world(given.orders, given.lines_per_order)
    try:
        serve(given.port, given.latency_ms, world=world, host=given.host, token=given.token, ready=_say)
    except OSError as error:
        parser.exit(1, f"port {given.port} cannot be served: {error.strerror}\n")


def _say(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

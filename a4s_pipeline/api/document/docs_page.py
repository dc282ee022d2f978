"""The page of documentation, which needs no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from http import HTTPStatus

from a4s_pipeline.api.problems import BY_CODE
from a4s_pipeline.api.routing import Route


def page(routes: Sequence[Route]) -> str:
    """Return a page of documentation that needs no network."""
    return "\n".join(_page_lines(routes))


def _page_lines(routes: Iterable[Route]) -> Iterable[str]:
    yield (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>a4s-pipeline over HTTP</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "code{background:#8881;padding:.1em .3em}td{padding:.2em .8em .2em 0;vertical-align:top}"
        "h2{font-size:1.05rem;margin-top:2rem}</style><h1>a4s-pipeline over HTTP</h1>"
    )
    yield (
        '<p>The whole document as <a href="/openapi.json">OpenAPI 3.1</a>. Percent-encode codes in a path, '
        "<code>/</code> as <code>%2F</code>. <code>X-Request-Timeout: SECONDS</code> says how long an answer "
        "may take. An error is <code>application/problem+json</code>.</p>"
    )
    for route in routes:
        query = f"?{'&'.join(f'{name}=' for name in route.parameters)}" if route.parameters else ""
        yield f"<h2><code>{escape(f'{route.method} {route.template}{query}')}</code></h2>"
        yield f"<p>{escape(route.summary)}.</p><table>"
        for status, told in sorted(route.answers.items()):
            yield f"<tr><td>{status} {escape(HTTPStatus(status).phrase)}<td>{escape(told)}"
        yield "</table>"
    yield "<h1>Errors</h1><table>"
    for code, status in sorted(BY_CODE.items()):
        yield f'<tr id="{escape(code)}"><td><code>{escape(code)}</code><td>{status}'
    yield "</table></html>"

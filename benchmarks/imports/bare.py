"""The bare network: an import's calls over one session and a thread pool, without parsing or storing."""

from __future__ import annotations

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter

from benchmarks.imports.gateway import ADMINISTRATION
from benchmarks.imports.telling import tell

CONNECTIONS = 16
PAGE_SIZE = 300
# The codes must be known to ask for the lines; they are cut out of the bytes, not parsed.
_CODE = re.compile(rb'"orderCode":"([^"]+)"')
_TOTAL = re.compile(rb'"totalCount":(\d+)')


def main() -> None:
    """Read every page of headers and every order's lines, and print how long it took."""
    base = f"{sys.argv[1]}/{quote(ADMINISTRATION, safe='')}"
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=CONNECTIONS))

    def get(path: str) -> bytes:
        response = session.get(base + path, timeout=60)
        response.raise_for_status()
        return response.content

    began = time.perf_counter()
    orders = size = page = 0
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        asked = []
        while True:
            body = get(f"/orders?page={page}&pageSize={PAGE_SIZE}")
            size += len(body)
            codes = _CODE.findall(body)
            orders += len(codes)
            asked += [pool.submit(get, f"/orders/{code.decode()}/lines") for code in codes]
            page += 1
            total = _TOTAL.search(body)
            if total is None or page * PAGE_SIZE >= int(total[1]):
                break
        for future in asked:
            size += len(future.result())
    tell(seconds=time.perf_counter() - began, orders=orders, bytes=size)


if __name__ == "__main__":
    main()

"""The removal of credentials from text."""

from __future__ import annotations

import re
from base64 import b64encode
from urllib.parse import quote, unquote, urlsplit

from a4s_pipeline.settings.loading import Settings

# Credentials that are not ours, by how they look: a gateway may quote its own calls to others.
_NAMED = re.compile(
    r"(?i)\b(bearer|basic(?=\s+\S*[\d+/=]))\s+\S+"
    r"|\b(pass(?:word|wd)?|pwd|\w*token|\w*secret|api[-_ ]?key|authorization)"
    r"([\"']?\s*[:=]\s*)(?:(?:bearer|basic)\s+)?[^\s,;&}]+"
)
_IN_A_URL = re.compile(r"(?<=://)[^\s/@]+@")
_SHORT = 4


class CredentialMask:
    """Removes credentials from foreign text: ours in every form, and whatever looks like one."""

    def __init__(self, settings: Settings) -> None:
        known = (settings.gateway_token, settings.gateway_user, settings.gateway_password)
        plain = [secret.get_secret_value() for secret in known if secret is not None]
        if settings.gateway_user is not None and settings.gateway_password is not None:
            plain.append(b64encode(":".join(plain[-2:]).encode()).decode())
        if settings.gateway_proxy is not None:
            plain.append(unquote(urlsplit(settings.gateway_proxy.get_secret_value()).password or ""))
        forms = {form for text in plain if text for form in (text, quote(text), quote(text, safe=""))}
        # The longest first: one may contain another.
        patterns = [
            re.escape(form) if len(form) >= _SHORT else rf"(?<!\w){re.escape(form)}(?!\w)"
            for form in sorted(forms, key=len, reverse=True)
        ]
        self._own = re.compile("|".join(patterns)) if patterns else None

    def __call__(self, text: str) -> str:
        """Return the text with each credential replaced by three dots."""
        masked = self._own.sub("…", text) if self._own else text
        masked = _IN_A_URL.sub("…@", masked)
        return _NAMED.sub(lambda found: f"{found[1]} …" if found[1] else f"{found[2]}{found[3]}…", masked)

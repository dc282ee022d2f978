"""What a call shows of who we are: the credentials in the settings, and nothing looked up elsewhere."""

from __future__ import annotations

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from a4s_pipeline.settings import Settings


class _Bearer(AuthBase):
    """Sends the token and shows it nowhere."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Anonymous(AuthBase):
    """Sends nothing; present so that no credentials are looked up elsewhere."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def auth_of(settings: Settings) -> AuthBase:
    """Return what puts the credentials of the settings on a call."""
    if settings.gateway_token is not None:
        return _Bearer(settings.gateway_token.get_secret_value())
    if settings.gateway_user is not None and settings.gateway_password is not None:
        user, password = (
            settings.gateway_user.get_secret_value(),
            settings.gateway_password.get_secret_value(),
        )
        return HTTPBasicAuth(user.encode(), password.encode())
    return _Anonymous()

"""Which way a request goes: directly to this machine, else by the proxy that the environment names."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit


def is_this_machine(host: str | None) -> bool:
    """True of names and addresses of the loopback interface."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def variable(url: str) -> str | None:
    """The variable of the environment whose proxy requests for this address go by; None when they go directly."""
    from requests.utils import should_bypass_proxies

    parts = urlsplit(url)
    if is_this_machine(parts.hostname) or should_bypass_proxies(url, no_proxy=None):
        return None
    names = (name for key in (parts.scheme, "all") for name in (f"{key}_proxy", f"{key}_PROXY".upper()))
    return next((name for name in names if os.environ.get(name)), None)


def address(variable: str) -> str:
    """The proxy, without a login that its address may hold."""
    return os.environ.get(variable, "").rpartition("@")[2]


def refusals() -> tuple[type[Exception], ...]:
    """What is raised when a proxy refuses, is not there, or cannot be understood."""
    from requests import exceptions

    return exceptions.ProxyError, exceptions.InvalidProxyURL, exceptions.InvalidSchema, exceptions.InvalidURL


def why(refusal: BaseException) -> str:
    """The innermost reason that the libraries give, as `407 Proxy Authentication Required`."""
    inner = refusal.args[0] if refusal.args else refusal
    inner = getattr(inner, "reason", inner)
    return str(getattr(inner, "original_error", inner)).rpartition(": ")[2]

"""The types of options: what a value must look like, and what help calls it."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address

import click

from acme_server.settings import CHALLENGE_TYPES, VantagePoint
from gravel.account_options import read_external_account, read_url
from gravel.management.request_body import Body
from issuer_bridge.durations import parse_duration
from solvers.dns.keys import Key, read_key
from solvers.dns.name import MAX_LABEL, canonical

_HOST_PORT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})", re.ASCII)
_ORIGIN = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?/?", re.ASCII)
_VANTAGE = re.compile(rf"([\w-]{{1,64}})=({_HOST_PORT.pattern}|ns[1-9]\d?)", re.ASCII)
_PROFILE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=36525)
_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_SERVICE = re.compile(rf"({_LABEL})/({_LABEL}):(\d{{1,5}})", re.ASCII)
_NAME = re.compile(r"(\*\.)?[\w-]+(\.[\w-]+)*|[0-9a-fA-F:.]+", re.ASCII)


def _host_port(text: str) -> str:
    found = _HOST_PORT.fullmatch(text)
    if not found or int(found[2]) > 65535:
        raise click.BadParameter(f"{text!r} is not HOST:PORT.")
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise click.BadParameter(f"{text!r} is neither a name nor an address.")
    return text


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not an IP address.") from None


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise click.BadParameter(f"{text!r} is not https://HOST[:PORT].")
    return text.removesuffix("/")


def _token(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise click.BadParameter("A token is printable ASCII without spaces, and not empty.")
    return text


def _zone(text: str) -> str:
    try:
        # Room for what is below it.
        canonical(f"{'-' * MAX_LABEL}.{text}")
    except ValueError:
        raise click.BadParameter(f"{text!r} is no name of a zone, or too long for one.") from None
    return canonical(text)


def _key(text: str) -> Key:
    try:
        return read_key(text)
    except ValueError as error:
        raise click.BadParameter(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def _vantage(text: str) -> VantagePoint:
    found = _VANTAGE.fullmatch(text)
    if not found:
        raise click.BadParameter(f"{text!r} is not NAME=HOST:PORT, nor NAME=ns2 for a nameserver of the built-in DNS.")
    return VantagePoint(found[1], found[2])


def _url(text: str) -> str:
    try:
        return read_url(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


def _external_account(text: str) -> tuple[str, bytes]:
    try:
        return read_external_account(text)
    except ValueError as error:
        raise click.BadParameter(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def _profile(text: str) -> tuple[str, timedelta]:
    name, mark, duration = text.partition("=")
    try:
        lifetime = Body({"lifetime": duration}).duration("lifetime")
    except ValueError:
        lifetime = timedelta(0)
    if not (mark and _PROFILE.fullmatch(name) and _SHORTEST <= lifetime <= _LONGEST):
        raise click.BadParameter(f"{text!r} is not NAME=DURATION, such as hourly=1h, from 1m to 36525d.")
    return name, lifetime


def _go_duration(text: str) -> str:
    try:
        parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
    return text


def _service(text: str) -> tuple[str, str, int]:
    found = _SERVICE.fullmatch(text)
    if not found or not 1 <= int(found[3]) <= 65535:
        raise click.BadParameter(f"{text!r} is not NAMESPACE/NAME:PORT.")
    return found[1], found[2], int(found[3])


NAME = click.types.FuncParamType(_name)
ADDRESS = click.types.FuncParamType(_address)
HOST_PORT = click.types.FuncParamType(_host_port)
ORIGIN = click.types.FuncParamType(_origin)
TOKEN = click.types.FuncParamType(_token)
ZONE = click.types.FuncParamType(_zone)
KEY = click.types.FuncParamType(_key)
VANTAGE = click.types.FuncParamType(_vantage)
CHALLENGE_TYPE = click.Choice(CHALLENGE_TYPES)
URL = click.types.FuncParamType(_url)
EXTERNAL_ACCOUNT = click.types.FuncParamType(_external_account)
GO_DURATION = click.types.FuncParamType(_go_duration)
PROFILE = click.types.FuncParamType(_profile)
SERVICE = click.types.FuncParamType(_service)
PORT = click.IntRange(0, 65535)
NUMBER = click.IntRange(min=0)
COUNT = click.IntRange(min=1)
WAIT = click.FloatRange(min=0)
SECONDS = click.FloatRange(min=0, min_open=True)
METAVARS = {
    PORT: "PORT",
    SECONDS: "SECONDS",
    WAIT: "SECONDS",
    VANTAGE: "NAME=HOST:PORT",
    NAME: "NAME",
    SERVICE: "NAMESPACE/NAME:PORT",
    ADDRESS: "IP",
    HOST_PORT: "HOST:PORT",
    ORIGIN: "URL",
    TOKEN: "TOKEN",
    KEY: "KEY",
    URL: "URL",
    EXTERNAL_ACCOUNT: "KID:KEY",
    ZONE: "NAME",
    PROFILE: "NAME=DURATION",
    GO_DURATION: "DURATION",
    NUMBER: "NUMBER",
    COUNT: "NUMBER",
}

"""The XML and JSON of pushed messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from wechat_sandbox.store import pack


class BadReply(ValueError):
    """An answer to a push that WeChat would not accept."""


def cdata(text: str) -> str:
    """Text that needs no escaping inside XML."""
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def to_xml(fields: Mapping[str, Any]) -> str:
    """One message; numbers stand bare, texts in CDATA, a list is an element that is repeated."""
    return f"<xml>{_elements(fields)}</xml>"


def _elements(fields: Mapping[str, Any]) -> str:
    parts = []
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping):
                inner = _elements(one)
            else:
                inner = str(one) if isinstance(one, int | float) else cdata(one)
            parts.append(f"<{name}>{inner}</{name}>")
    return "".join(parts)


def to_json(fields: Mapping[str, Any]) -> str:
    """One message for a server that chose JSON; lists of subscriptions stand at the top."""
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        is_list = isinstance(value, Mapping) and set(value) == {"List"}
        flat["List" if is_list else name] = value["List"] if is_list else value
    return pack(flat)


def parse(text: str) -> Element:
    """The root of an XML text without document type and entities."""
    try:
        root = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise BadReply(f"not XML: {error}") from error
    if root.tag != "xml":
        raise BadReply("the root element is not <xml>")
    return root

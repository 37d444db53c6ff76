"""What a call and its answer look like in the call log: their shape, without what is secret.

Texts are shown only under the names listed here; all other texts become their length. Numbers
stay. So a new field is hidden until somebody finds it harmless.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

SHOWN = frozenset(
    """
    action action_name appid authorizer_appid cgi_path check_operator client_platform_type color
    command component_appid count countryCode deputy_industry env_version errmsg err_msg
    expire_seconds expires_in force_refresh from_appid grant_type industry_id1 industry_id2
    is_menu_open is_permanent key label lang media_type menuid miniprogram_state mp_path msgtype
    name op option_name option_value page page_title pagepath path primary_industry priTmplId rid
    rule sceneDesc scope subscribe_scene suggest template_id template_id_short tid title
    total_count type version
    """.split()  # noqa: SIM905  one name a line would fill two pages
)
LONGEST_TEXT = 200
LONGEST_LIST = 5
DEEPEST = 8
LONGEST = 4000


def masked(value: Any, name: str = "", depth: int = 0) -> Any:
    """A JSON value with its texts hidden and its lists cut short."""
    if depth > DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {key: masked(item, str(key), depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        shown = [masked(item, name, depth + 1) for item in value[:LONGEST_LIST]]
        more = len(value) - LONGEST_LIST
        return [*shown, f"… +{more}"] if more > 0 else shown
    if isinstance(value, str):
        return value[:LONGEST_TEXT] if name in SHOWN else f"•••({len(value)})"
    return value


def written(*values: Mapping[str, Any] | None) -> str:
    """Several objects as the log keeps them, one a line."""
    lines = [json.dumps(masked(value), ensure_ascii=False) for value in values if value]
    # half a character, as some keyboards leave behind, cannot be stored
    return "\n".join(lines)[:LONGEST].encode(errors="replace").decode()

"""The settings the launcher hands to the programs it starts."""

from __future__ import annotations


def sandbox_settings(sandbox_url: str) -> dict[str, str]:
    """Point the product at the sandbox instead of WeChat: each played host is a path."""
    return {
        "ZHANGGUI_SANDBOX_URL": sandbox_url,
        "ZHANGGUI_WECHAT_API_URL": f"{sandbox_url}/api.weixin.qq.com",
        "ZHANGGUI_WECHAT_OPEN_URL": f"{sandbox_url}/open.weixin.qq.com",
        "ZHANGGUI_WECHAT_MP_URL": f"{sandbox_url}/mp.weixin.qq.com",
    }

"""A stand-in for WeChat: its servers, and customers' phones in the browser."""

from wechat_sandbox.app import Sandbox, create_app

__all__ = ["Sandbox", "create_app"]

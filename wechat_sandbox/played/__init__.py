"""The servers the sandbox plays: api, open, mp and the avatar host of WeChat."""

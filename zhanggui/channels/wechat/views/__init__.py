"""Doors of this channel: WeChat's callbacks, phones that sign in, the settings page."""

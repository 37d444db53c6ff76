"""The app of the UI kit."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "zhanggui.ui"
    label = "ui"

    def ready(self) -> None:
        """Register the pages of the kit with the navigation, as every module does."""
        from zhanggui.ui import kit

        kit.register()

"""Core: what every module stands on; no business tables."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "zhanggui.core"
    label = "core"
    verbose_name = _("Core")

    def ready(self) -> None:
        """Let every connection log its slow statements."""
        from zhanggui.core.metrics import SlowStatements

        slow = SlowStatements(settings.SLOW_STATEMENT_MS)

        def watch(connection: Any, **_kwargs: Any) -> None:
            if slow not in connection.execute_wrappers:  # which outlive the connection
                connection.execute_wrappers.append(slow)

        connection_created.connect(watch, dispatch_uid="slow statements", weak=False)

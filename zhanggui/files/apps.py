"""Files: uploads, imports, exports and the job centre."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FilesConfig(AppConfig):
    name = "zhanggui.files"
    label = "files"
    verbose_name = _("Files")

    def ready(self) -> None:
        """Fill the registries."""
        from zhanggui.files import registrations

        registrations.register_all()

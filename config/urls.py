"""Every address of the product; each module brings its own."""

from __future__ import annotations

from django.conf import settings
from django.urls import include, path
from django.views.i18n import set_language

from config import health, metrics
from zhanggui.accounts.guards import public_view

urlpatterns = [
    path("healthz", public_view(health.healthz), name="healthz"),
    path("readyz", public_view(health.readyz), name="readyz"),
    path("metrics", public_view(metrics.metrics), name="metrics"),
    path("language", public_view(set_language), name="set_language"),
    path("", include("zhanggui.accounts.urls")),
    path("", include("zhanggui.signin.urls")),
    path("", include("zhanggui.files.urls")),
    path("", include("zhanggui.ledger.urls")),
    path("", include("zhanggui.billing.urls")),
    path("", include("zhanggui.messaging.urls")),
    path("", include("zhanggui.contacts.urls")),
    path("", include("zhanggui.api.urls")),
    path("", include("zhanggui.channels.wechat.urls")),
    path("", include("zhanggui.channels.sms.urls")),
    path("", include("zhanggui.channels.pay.urls")),
    path("", include("zhanggui.coupons.urls")),
    path("", include("zhanggui.collecting.urls")),
    path("", include("zhanggui.stamps.urls")),
]
if not settings.IS_PRODUCTION:
    urlpatterns += [path("ui/", include("zhanggui.ui.urls"))]
    # first in the demo, whose start page takes the place of the site's
    urlpatterns.insert(0 if settings.IS_DEMO else len(urlpatterns), path("", include("demo.urls")))

handler400 = "zhanggui.ui.views.bad_request"
handler403 = "zhanggui.ui.views.permission_denied"
handler404 = "zhanggui.ui.views.not_found"
handler500 = "zhanggui.ui.views.server_error"

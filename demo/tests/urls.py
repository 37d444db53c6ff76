"""The site's addresses in demo mode: its start page comes first."""

from __future__ import annotations

from django.urls import include, path

from config import urls as site

urlpatterns = [path("", include("demo.urls")), *site.urlpatterns]
handler400 = site.handler400
handler403 = site.handler403
handler404 = site.handler404
handler500 = site.handler500

"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.ledger import views

app_name = "ledger"
OFFICE = "m/<slug:merchant>/ledger-check/"

urlpatterns: list[URLPattern | URLResolver] = [
    path(OFFICE, views.overview, name="overview"),
    path(f"{OFFICE}check", views.check, name="check"),
    path(f"{OFFICE}proof", views.proof, name="proof"),
]

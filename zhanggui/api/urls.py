"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.api import frame
from zhanggui.api.views import description, office

app_name = "api"
OFFICE = "m/<slug:merchant>/tills/"

urlpatterns: list[URLPattern | URLResolver] = [
    path(OFFICE, office.tokens, name="tokens"),
    path(f"{OFFICE}new", office.token_new, name="token_new"),
    path(f"{OFFICE}<int:api_token_id>/", office.token, name="token"),
    path(f"{OFFICE}<int:api_token_id>/edit", office.token_edit, name="token_edit"),
    path(f"{OFFICE}<int:api_token_id>/revoke", office.revoke, name="token_revoke"),
    path(f"{frame.PREFIX}openapi.json", description.openapi, name="openapi"),
    path(f"{frame.PREFIX}docs", description.page, name="docs"),
    path(frame.PREFIX, description.API.urls),
]

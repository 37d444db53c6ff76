"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.contacts.views import detail
from zhanggui.contacts.views import list as customer_list

app_name = "contacts"
urlpatterns: list[URLPattern | URLResolver] = [
    path("m/<slug:merchant>/customers/", customer_list.customers, name="customers"),
    path("m/<slug:merchant>/customers/<int:customer_id>/", detail.customer, name="customer"),
]

"""Addresses of this module."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from zhanggui.contacts import views

app_name = "contacts"
urlpatterns: list[URLPattern | URLResolver] = [
    path("m/<slug:merchant>/customers/", views.customers, name="customers"),
    path("m/<slug:merchant>/customers/<int:customer_id>/", views.customer, name="customer"),
]

"""Addresses of the demo; ``start`` takes the place of the site's first page."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from demo import views

app_name = "demo"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.start, name="start"),
    path("demo/waiting", views.waiting, name="waiting"),
    path("demo/digits", views.digits, name="digits"),
    path("demo/sign-in", views.sign_in, name="sign_in"),
    path("demo/clock", views.clock_page, name="clock"),
    path("demo/clock/move", views.clock_move, name="clock_move"),
]

"""How the menus of the back office are divided, in the words of who runs a shop.

Modules put their entries under these headings (:class:`~zhanggui.ui.navigation.Entry`). A section
has at most seven entries: more are no longer taken in at a glance, ``tests/architecture`` counts.
"""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from zhanggui.ui.navigation import Section

CARDS = Section("cards", pgettext_lazy("menu", "Stamp cards"), "rubber-stamp", 100)
COUPONS = Section("coupons", pgettext_lazy("menu", "Coupons"), "ticket", 150)
COUNTER = Section("counter", pgettext_lazy("menu", "At the counter"), "cash-register", 200)
CONTROL = Section("control", pgettext_lazy("menu", "Checks and risks"), "shield-search", 250)
MESSAGES = Section("messages", pgettext_lazy("menu", "Messages"), "message-2", 300)
WECHAT = Section("wechat", pgettext_lazy("menu", "WeChat and payments"), "brand-wechat", 400)
SHOP = Section("shop", pgettext_lazy("menu", "Shop"), "building-store", 500)
ADMINISTRATION = Section("administration", pgettext_lazy("menu", "Administration"), "settings", 600)

COMING_IN = Section("coming-in", pgettext_lazy("menu", "Coming in"), "user-plus", 100)
SALES = Section("sales", pgettext_lazy("menu", "Sales"), "receipt", 200)

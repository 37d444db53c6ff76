"""Texts are collected from code and templates, and every fault of a translation is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages import Catalog

from tools import texts

CODE = """
from django.utils.translation import gettext_lazy as _, ngettext, pgettext
a = _("Store")
b = ngettext("%(n)s stamp", "%(n)s stamps", 2)
c = pgettext("menu", "Open")
d = _("%(name)s is here") % {"name": 1}
"""
PAGE = """{% load i18n %}
  <c-ui.table title="{% trans 'Ledger' %}" x="it's">
    {% blocktrans with who=p.name %}Hello {{ who }}{% endblocktrans %}
 {{ _("Tail") }}
"""
PO = """msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8"

msgid "Store"
msgstr "门店"

#, fuzzy
msgid "Ledger"
msgstr "流水"

#, python-format
msgid "%(name)s is here"
msgstr "%(nam)s 在这里"

msgid "Gone"
msgstr "没了"
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(texts, "ROOT", tmp_path)
    folder = tmp_path / "zhanggui" / "shop"
    (folder / "templates").mkdir(parents=True)
    (folder / "apps.py").write_text(CODE)
    (folder / "templates" / "page.html").write_text(PAGE)
    (tmp_path / "config").mkdir()
    file = folder / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
    file.parent.mkdir(parents=True)
    file.write_text(PO)
    return folder


def translations(app: Path) -> dict[str, object]:
    catalog: Catalog = texts._read(texts._po(app))
    return {str(message.id): message.string for message in catalog if message.id}


class TestTexts:
    def test_names_every_fault(self, app: Path) -> None:
        faults = [fault.partition(": ")[2] for fault in texts.check_all()]
        assert faults == [
            "not translated: '%(n)s stamp'",
            "not translated: 'Open'",
            "places do not fit: '%(name)s is here' -> '%(nam)s 在这里'",
            "marked as doubtful: 'Ledger'",
            "not translated: 'Hello %(who)s'",
            "not translated: 'Tail'",
            "no longer in the code: 'Gone' (make texts ARGS=--prune)",
        ]

    def test_keeps_translations_and_is_stable(self, app: Path) -> None:
        texts.update(app)
        once = texts._po(app).read_bytes()
        texts.update(app)
        assert texts._po(app).read_bytes() == once
        assert translations(app)["Store"] == "门店"
        assert "Gone" not in translations(app)
        assert "#~ msgid" in once.decode()

    def test_forgets_when_asked(self, app: Path) -> None:
        texts.update(app, forget=True)
        assert "Gone" not in texts._po(app).read_text()

    def test_compiles(self, app: Path) -> None:
        import gettext

        texts.compile_texts(app)
        with texts._po(app).with_suffix(".mo").open("rb") as file:
            assert gettext.GNUTranslations(file).gettext("Store") == "门店"

"""Collects the texts of the interface, keeps their translations, compiles and checks them.

English stands in the code, Chinese in ``<app>/locale/zh_Hans/LC_MESSAGES/django.po``. GNU gettext
is not needed.

    python -m tools.texts             collect, merge into the .po files, compile
    python -m tools.texts --prune     the same, and forget texts no longer in the code
    python -m tools.texts --compile   compile only
    python -m tools.texts --check     fail on missing, doubtful, left-over or ill-fitting texts
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import django
from babel.messages import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = "zh_Hans"
HOMES = ("demo", "zhanggui")
SKIPPED = {"tests", "migrations", "locale", "static", "node_modules", "__pycache__"}
TEMPLATES = {".html", ".txt", ".xml"}
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_noop": None,
    "gettext_lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACE = re.compile(r"%\((\w+)\)[#0\- +]*[\d.]*[diouxXeEfFgGcrsa]|%[diouxXeEfFgGcrsa]|\{\w*\}")


def main() -> int:
    """Run the command line; answer the process status."""
    parser = argparse.ArgumentParser(description="Collect, compile and check the texts.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--compile", action="store_true", help="compile only")
    what.add_argument("--check", action="store_true", help="change nothing, list what is wrong")
    what.add_argument("--prune", action="store_true", help="forget texts no longer in the code")
    asked = parser.parse_args()
    if asked.check:
        problems = list(check_all())
        print(*problems, sep="\n", end="\n" if problems else "")
        return 1 if problems else 0
    for app in apps():
        if not asked.compile:
            update(app, forget=asked.prune)
        compile_texts(app)
    return 0


def apps() -> list[Path]:
    """The folders with texts of their own: the Django apps."""
    files = (file for home in HOMES for file in (ROOT / home).rglob("apps.py"))
    return sorted(file.parent for file in files if _is_source(file))


def collect(app: Path) -> Catalog:
    """All texts in an app's code and templates, without the apps below it."""
    catalog = Catalog(locale=LOCALE, fuzzy=False)
    inner = [other for other in apps() if other != app and other.is_relative_to(app)]
    for file in sorted(app.rglob("*")):
        if not _is_source(file) or any(file.is_relative_to(other) for other in inner):
            continue
        for _line, text, comments, context in _texts_in(file):
            if text and text != ("", ""):
                catalog.add(text, auto_comments=comments, context=context)
    return catalog


def update(app: Path, *, forget: bool = False) -> None:
    """Bring an app's .po file in line with its code, keeping every translation."""
    wanted = collect(app)
    file = _po(app)
    known = _read(file)
    if not wanted and not file.exists():
        return
    merged = Catalog(locale=LOCALE, fuzzy=False)
    for message in wanted:
        if message.id:
            merged[message.id] = _translated(message, known)
    if not forget:
        merged.obsolete.update(_left_over(known, wanted))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_as_po(merged))


def compile_texts(app: Path) -> None:
    """Write the .mo file Django reads."""
    file = _po(app)
    if file.exists():
        compiled = io.BytesIO()
        write_mo(compiled, _read(file))
        file.with_suffix(".mo").write_bytes(compiled.getvalue())


def check_all() -> Iterator[str]:
    """What is wrong with the texts, one line each."""
    yield from clashes()
    for app in apps():
        file = _po(app)
        known, wanted = _read(file), collect(app)
        name = file.relative_to(ROOT)
        for message in wanted:
            if message.id:
                yield from (f"{name}: {fault}" for fault in _faults(message, known))
        for message in [*_left_over(known, wanted).values(), *known.obsolete.values()]:
            yield f"{name}: no longer in the code: {_shown(message)} (make texts ARGS=--prune)"


def clashes() -> Iterator[str]:
    """Texts that two apps say differently: Django would show one of them everywhere."""
    said: dict[tuple[str, str], dict[str, Path]] = {}
    for app in apps():
        for message in _read(_po(app)):
            if message.id:
                key = (_strings(message.id)[0], message.context or "")
                said.setdefault(key, {})[_strings(message.string)[0]] = app
    for (text, _context), ways in said.items():
        if len(ways) > 1:
            shown = ", ".join(f"{app.name}: {way}" for way, app in ways.items())
            yield f"said differently (give one a context): {text!r}: {shown}"


def _faults(message: Message, known: Catalog) -> Iterator[str]:
    found = known.get(message.id, message.context)
    if found is None or not all(_strings(found.string)):
        yield f"not translated: {_shown(message)}"
        return
    if found.fuzzy:
        yield f"marked as doubtful: {_shown(message)}"
    expected = [_places(text) for text in _strings(message.id)]
    for text in _strings(found.string):
        if _places(text) not in expected:
            yield f"places do not fit: {_shown(message)} -> {text!r}"


def _translated(message: Message, known: Catalog) -> Message:
    found = known.get(message.id, message.context)
    flags = set(message.flags) | ({"fuzzy"} if found and found.fuzzy else set())
    empty = ("",) * known.num_plurals if isinstance(message.id, tuple) else ""
    return Message(
        message.id,
        found.string if found else empty,
        flags=flags,
        auto_comments=message.auto_comments,
        user_comments=found.user_comments if found else (),
        context=message.context,
    )


def _left_over(known: Catalog, wanted: Catalog) -> dict[str, Message]:
    gone = [
        message
        for message in [*known, *known.obsolete.values()]
        if message.id and wanted.get(message.id, message.context) is None
    ]
    return {f"{message.context}\4{message.id}": message for message in gone}


def _texts_in(file: Path) -> Iterable[tuple[int, str | tuple[str, ...], list[str], str | None]]:
    if file.suffix == ".py":
        source = file.read_bytes()
    elif file.suffix in TEMPLATES and "templates" in file.parts:
        python = templatize(file.read_text(encoding="utf-8"), origin=str(file))
        # What is left of the markup is X's with the template's own indentation, which Python only
        # accepts inside brackets.
        source = f"(\n{python}\n)".encode()
    else:
        return []
    return extract(
        "python",
        io.BytesIO(source),
        keywords=KEYWORDS,
        comment_tags=["Translators:"],
        options={"encoding": "utf-8"},
        strip_comment_tags=True,
    )


def _is_source(file: Path) -> bool:
    return not SKIPPED.intersection(file.relative_to(ROOT).parts)


def _po(app: Path) -> Path:
    return app / "locale" / LOCALE / "LC_MESSAGES" / "django.po"


def _read(file: Path) -> Catalog:
    if not file.exists():
        return Catalog(locale=LOCALE, fuzzy=False)
    with file.open("rb") as source:
        return read_po(source, locale=LOCALE, abort_invalid=True)


def _as_po(catalog: Catalog) -> bytes:
    """The file without dates, names and places, so that it only changes when a text does."""
    target = io.BytesIO()
    write_po(target, catalog, width=96, omit_header=True, sort_output=True)
    header = (
        'msgid ""\nmsgstr ""\n"Language: zh_Hans\\n"\n"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        '"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'
    )
    return header.encode() + target.getvalue()


def _strings(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, (tuple, list)) else (str(value or ""),)


def _places(text: str) -> list[str]:
    return sorted(found[0] for found in PLACE.finditer(text.replace("%%", "")))


def _shown(message: Message) -> str:
    return repr(_strings(message.id)[0])


if __name__ == "__main__":
    settings.configure(USE_I18N=True)
    django.setup()
    sys.exit(main())

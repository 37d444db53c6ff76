"""The short way of hot doors (ADR 0003): few statements, each said once, in few trips.

``door`` the guards, ``facts`` the first trip of whatever is done at a desk, ``confirming``,
``others`` and ``pressed`` a card's code, another module's code and a pressed stamp, ``statements``
what confirming sends, ``turning`` the pages of a store's ledger.
"""

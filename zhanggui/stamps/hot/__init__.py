"""The short way of hot doors (ADR 0003): few statements, each said once, in few trips.

``door`` the guards, ``confirming`` and ``pressed`` a code and a pressed stamp, ``statements`` what
confirming sends, ``turning`` the pages of a store's ledger.
"""

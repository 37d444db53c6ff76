"""Everything one running sandbox holds, handed to each of its parts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wechat_sandbox import accounts, identity, people
from wechat_sandbox.accounts import Account
from wechat_sandbox.clock import Clock
from wechat_sandbox.config import Config
from wechat_sandbox.people import Person
from wechat_sandbox.store import Store

if TYPE_CHECKING:
    from wechat_sandbox.callbacks import Pusher
    from wechat_sandbox.proxy import Gateway
    from wechat_sandbox.snapshots import Shelf


class NoSuchAccount(LookupError):
    """No account has this appid."""


class NoSuchPerson(LookupError):
    """No person has this slug."""


class World:
    """State and parts of one sandbox."""

    pusher: Pusher
    shelf: Shelf
    gateway: Gateway

    def __init__(self, config: Config) -> None:
        """Open the sandbox's memory."""
        self.config = config
        self.store = Store(config.data)
        self.clock = Clock(self.store)
        self._versions: dict[str, int] = {}
        # Version numbers must not repeat after a restart, or an open phone would miss a change.
        self._first_version = int(time.time() * 1000)
        self._openids: dict[str, dict[str, str]] = {}
        # Account and person of notices on their way: another one meanwhile is refused.
        self.sending: set[str] = set()

    def account(self, appid: str) -> Account:
        """The account, or NoSuchAccount."""
        found = accounts.find(self.store, appid)
        if found is None:
            raise NoSuchAccount(appid)
        return found

    def by_original_id(self, original_id: str) -> Account:
        """The account with this original id (gh_...), or NoSuchAccount."""
        row = self.store.row("SELECT appid FROM accounts WHERE original_id = ?", original_id)
        if row is None:
            raise NoSuchAccount(original_id)
        return self.account(row["appid"])

    def person(self, slug: str) -> Person:
        """The person, or NoSuchPerson."""
        found = people.find(self.store, slug)
        if found is None:
            raise NoSuchPerson(slug)
        return found

    def version(self, slug: str) -> int:
        """Changes whenever something on the person's phone changed."""
        return self._versions.get(slug, self._first_version)

    def touch(self, slug: str) -> None:
        """Tell the person's phone that there is something new."""
        self._versions[slug] = self.version(slug) + 1

    def touch_all(self) -> None:
        """Tell every phone that there is something new."""
        self._first_version = max([self._first_version, *self._versions.values()]) + 1
        self._versions.clear()

    def slug_of(self, appid: str, openid: str) -> str | None:
        """Whose openid this is at the account."""
        if appid not in self._openids:
            self._openids[appid] = {
                identity.openid(appid, one.slug): one.slug for one in people.every(self.store)
            }
        return self._openids[appid].get(openid)

    def people_changed(self) -> None:
        """Somebody came or went: openids must be looked up afresh."""
        self._openids.clear()

    def unionid_of(self, account: Account, slug: str) -> str | None:
        """The person's unionid; None for an account outside any Open Platform account."""
        return identity.unionid(account.open_account, slug) if account.open_account else None

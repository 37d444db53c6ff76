"""People who sign in, and their sessions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from zhanggui.core import clock, sealing

PHONE_COLUMN = "accounts_person.phone"


class PersonManager(models.Manager["Person"]):
    """Finds people by what they sign in with."""

    def by_phone(self, phone: str) -> Person | None:
        """The person with this phone number (E.164), if there is one."""
        hashes = [phone_hash(phone, version=version) for version in sealing.versions()]
        return self.filter(phone_hash__in=hashes).first()

    def get_by_natural_key(self, phone: str) -> Person:
        """Django's way to ask for ``by_phone``."""
        found = self.by_phone(phone)
        if found is None:
            raise Person.DoesNotExist
        return found


def phone_hash(phone: str, version: int | None = None) -> bytes:
    """The keyed hash under which a person's phone number (E.164) is looked up."""
    return sealing.keyed_hash(phone, purpose=PHONE_COLUMN, merchant_id=None, version=version)


class Person(AbstractBaseUser):
    """Who signs in: by phone and password, or (store managers) by WeChat alone."""

    name = models.CharField(max_length=80)
    phone_sealed = models.BinaryField(null=True)
    phone_hash = models.BinaryField(null=True, unique=True, max_length=32)
    phone_proved_at = models.DateTimeField(null=True, blank=True)
    """When a code sent to the number was typed in; empty while nobody has proved it."""
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "phone_hash"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name

    @property
    def phone(self) -> str:
        """The phone number in E.164, empty when the person has none."""
        if self.phone_sealed is None:
            return ""
        return sealing.unseal(bytes(self.phone_sealed), column=PHONE_COLUMN, merchant_id=None)

    def set_phone(self, phone: str) -> None:
        """Put the number (E.164) on the row, sealed and hashed; does not save."""
        self.phone_sealed = sealing.seal(phone, column=PHONE_COLUMN, merchant_id=None)
        self.phone_hash = phone_hash(phone)


class Session(AbstractBaseSession):
    """A sign-in; the person stands in a column so that sessions can be listed and ended."""

    person_id = models.BigIntegerField(null=True, db_index=True)
    created_at = models.DateTimeField(default=clock.now)
    last_used_at = models.DateTimeField(default=clock.now)
    device = models.CharField(max_length=120, blank=True)
    ip = models.GenericIPAddressField(null=True)
    way = models.CharField(max_length=20, blank=True)
    """How the person proved who they are: ``password``, ``sms``, ``passkey``, each with ``+totp``
    and the like when a second factor was asked for."""

    @classmethod
    def get_session_store_class(cls) -> Any:
        """The store that reads and writes this table."""
        from zhanggui.accounts.sessions import SessionStore  # noqa: PLC0415  they need each other

        return SessionStore

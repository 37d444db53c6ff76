"""What signing up and signing in refuses."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class PictureWrong(DomainError):
    code = "E_PICTURE_CODE"
    status = 422
    text = _("These are not the signs in the picture. Type the ones of the new picture.")


class PictureOver(DomainError):
    code = "E_PICTURE_OVER"
    status = 410
    text = _("This picture is used up or older than five minutes. Type the signs of the new one.")


class CodeTooSoon(DomainError):
    code = "E_CODE_TOO_SOON"
    status = 429
    text = _("A code was sent to this number a moment ago. Ask again in %(seconds)s seconds.")


class CodesSpent(DomainError):
    code = "E_CODES_SPENT"
    status = 429
    text = _("Too many codes were asked for. Try again in %(minutes)s minutes.")


class CodeWrong(DomainError):
    code = "E_SMS_CODE"
    status = 422
    text = _("This is not the code of the newest text message. Check it and try again.")


class CodeOver(DomainError):
    code = "E_SMS_CODE_OVER"
    status = 410
    text = _("This code is used up or older than five minutes. Ask for a new one.")


class CodeBurnt(DomainError):
    code = "E_SMS_CODE_BURNT"
    status = 410
    text = _("Five wrong tries: this code does not work any more. Ask for a new one.")


class NotProved(DomainError):
    code = "E_NOT_PROVED"
    status = 410
    text = _("This took longer than ten minutes. Ask for a code once more.")


class FactorWrong(DomainError):
    code = "E_SECOND_FACTOR"
    status = 403
    text = _("This code is not right. Wait for the next one in your app and type it in.")


class FactorLocked(DomainError):
    code = "E_SECOND_FACTOR_LOCKED"
    status = 429
    text = _("Too many wrong codes. Try again in %(minutes)s minutes.")


class RecoveryWrong(DomainError):
    code = "E_RECOVERY_CODE"
    status = 403
    text = _("This recovery code is not right or was used before.")


class FactorNeeded(DomainError):
    code = "E_FACTOR_NEEDED"
    status = 409
    text = _(
        "One of your places lets people in only with a second factor. Set up another one before "
        "you remove the last."
    )


class TotpThere(DomainError):
    code = "E_TOTP_THERE"
    status = 409
    text = _("An app is set up already. Remove it first if you want to change to another one.")


class PasskeyRefused(DomainError):
    code = "E_PASSKEY"
    status = 403
    text = _("This passkey did not work here. Try again, or sign in another way.")


class PasskeyNotHere(DomainError):
    code = "E_PASSKEY_NOT_HERE"
    status = 409
    text = _(
        "Passkeys belong to a name, not to a number: open this site under its name (for a test on "
        "this machine under “localhost”), then it works."
    )


class PasskeysFull(DomainError):
    code = "E_PASSKEYS_FULL"
    status = 409
    text = _("Ten passkeys are enough. Remove one you do not use any more.")


class QrOver(DomainError):
    code = "E_SIGNIN_QR_OVER"
    status = 410
    text = _("This QR code is used up or older than five minutes. Ask for a new one.")


class QrDigitsWrong(DomainError):
    code = "E_SIGNIN_QR_DIGITS"
    status = 422
    text = _("This is not the number on the computer's screen. Look at it once more.")


class QrRefused(DomainError):
    code = "E_SIGNIN_QR_REFUSED"
    status = 403
    text = _("Refused on the phone, or three wrong numbers. Nobody was signed in.")


class WechatTaken(DomainError):
    code = "E_WECHAT_TAKEN"
    status = 409
    text = _("This WeChat belongs to somebody else here. Take another one, or unlink it there.")


class WechatLinked(DomainError):
    code = "E_WECHAT_LINKED"
    status = 409
    text = _("Another WeChat is linked already. Unlink it first.")


class WechatNeeded(DomainError):
    code = "E_WECHAT_NEEDED"
    status = 409
    text = _("You work at a counter with this WeChat. Leave the counter before you unlink it.")


class OriginWrong(DomainError):
    code = "E_EMBED_ORIGIN"
    status = 422
    text = _("Write the address of the site only, for example https://www.example.com")


class OriginsFull(DomainError):
    code = "E_EMBED_ORIGINS_FULL"
    status = 409
    text = _("At most 20 sites. Remove one that is no longer used.")


class FrameOver(DomainError):
    code = "E_EMBED_OVER"
    status = 410
    text = _("This sign-in has stood open for too long. Load the page again.")


class EntryOver(DomainError):
    code = "E_ENTRY_OVER"
    status = 410
    text = _("This way in was used or is older than a minute. Sign in once more.")

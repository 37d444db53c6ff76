"""The old XML notification of refunds, for merchants whose refund call names no address.

Source: WeChat Pay v2, "refund result notification": ``req_info`` is AES-256-ECB with PKCS#7
padding under the MD5 (lower-case hex) of the merchant's v2 key.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from wechat_sandbox.messagexml import to_xml

if TYPE_CHECKING:
    from wechat_sandbox.pay.merchants import Merchant
    from wechat_sandbox.pay.orders import Order

STATUSES = {"SUCCESS": "SUCCESS", "ABNORMAL": "CHANGE", "CLOSED": "REFUNDCLOSE"}


def refund(merchant: Merchant, order: Order, resource: dict[str, Any]) -> str:
    """The XML of a refund that ended, from what a v3 notification would tell."""
    inner: dict[str, str | int] = {
        "transaction_id": resource["transaction_id"],
        "out_trade_no": resource["out_trade_no"],
        "refund_id": resource["refund_id"],
        "out_refund_no": resource["out_refund_no"],
        "total_fee": resource["amount"]["total"],
        "refund_fee": resource["amount"]["refund"],
        "settlement_refund_fee": resource["amount"]["refund"],
        "refund_status": STATUSES[resource["refund_status"]],
        "refund_recv_accout": resource["user_received_account"],
        "refund_account": "REFUND_SOURCE_UNSETTLED_FUNDS",
        "refund_request_source": "API",
    }
    if "success_time" in resource:
        inner["success_time"] = (
            f"{datetime.fromisoformat(resource['success_time']):%Y-%m-%d %H:%M:%S}"
        )
    text = to_xml(inner).replace("<xml>", "<root>").replace("</xml>", "</root>")
    return to_xml(
        {
            "return_code": "SUCCESS",
            "appid": str(order.given.get("appid") or order.given.get("sp_appid")),
            "mch_id": merchant.mchid,
            "nonce_str": secrets.token_hex(16),
            "req_info": _sealed(text, merchant.api_v2_key),
        }
    )


def _sealed(text: str, key: str) -> str:
    secret = hashlib.md5(key.encode(), usedforsecurity=False).hexdigest().encode()
    padder = PKCS7(128).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    sealer = Cipher(algorithms.AES(secret), modes.ECB()).encryptor()  # noqa: S305
    return base64.b64encode(sealer.update(padded) + sealer.finalize()).decode()

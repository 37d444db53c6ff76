"""Error answers of WeChat Pay APIv3 (digest 8.3 and 8.8)."""

from __future__ import annotations

from typing import Any

SIGN_FORMAT = "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"
SIGN_MISSING = "签名信息错误，验签失败"
SIGN_WRONG = "签名错误"
SIGN_OLD = "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"
SERIAL_WRONG = "商户证书序列号有误。请使用签名私钥匹配的证书序列号"

# Code -> HTTP status and the text when the place that refuses gives none.
CODES = {
    "PARAM_ERROR": (400, "参数错误"),
    "INVALID_REQUEST": (400, "无效请求"),
    "APPID_MCHID_NOT_MATCH": (400, "appid和mch_id不匹配，请检查"),
    "MCH_NOT_EXISTS": (400, "商户号不存在"),
    "ORDER_CLOSED": (400, "订单已关闭"),
    "ORDERPAID": (400, "该订单已支付"),
    "STATEMENT_CREATING": (400, "账单生成中，请稍后再试"),
    "NO_STATEMENT_EXIST": (400, "账单文件不存在"),
    "SIGN_ERROR": (401, SIGN_WRONG),
    "NO_AUTH": (403, "商户号该产品权限未开通，请前往商户平台>产品中心检查后重试"),
    "OUT_TRADE_NO_USED": (403, "商户订单号重复"),
    "RULE_LIMIT": (403, "业务规则限制"),
    "TRADE_ERROR": (403, "交易错误"),
    "NOT_ENOUGH": (403, "基本账户余额不足，请充值后重新发起"),
    "USER_ACCOUNT_ABNORMAL": (403, "用户账户异常"),
    "ORDER_NOT_EXIST": (404, "订单不存在"),
    "RESOURCE_NOT_EXISTS": (404, "查询的资源不存在"),
    "FREQUENCY_LIMITED": (429, "频率限制"),
    "SYSTEM_ERROR": (500, "系统异常，请稍后重试"),
    "SERVICE_UNAVAILABLE": (503, "服务不可用，请稍后重试"),
}


class PayRefusal(Exception):
    """A call that is answered with an error code."""

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        status: int | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Answer ``code`` with its usual status and text unless others are given."""
        super().__init__(code)
        usual_status, usual_text = CODES.get(code, (400, "沙箱设置的错误"))
        self.code = code
        self.status = status or usual_status
        self.message = message or usual_text
        self.detail = detail

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        found: dict[str, Any] = {"code": self.code, "message": self.message}
        return {**found, "detail": self.detail} if self.detail else found


def wrong(field: str, value: object, issue: str, *, location: str = "body") -> PayRefusal:
    """A PARAM_ERROR that names the field, as ``/amount/total``."""
    shown = value if isinstance(value, str | int | None) else str(value)
    return PayRefusal(
        "PARAM_ERROR",
        issue,
        detail={"field": field, "value": shown, "issue": issue, "location": location},
    )

"""What the calls of the control side take: one line a field, for the OpenAPI document.

``type`` or ``type!`` (must be given), a colon, what it is. Types: string, integer, number, boolean,
object, and ``[string]``, ``[object]`` for lists; ``a|b`` for a choice of texts.
"""

from __future__ import annotations

WAIT = {"wait": "boolean: false answers before the push was delivered (default true)"}
APPID = {"appid": "string!: appid of the account"}
MERCHANT = {
    "name": "string: who is paid, as the phone shows it",
    "appids": "[string]: accounts and mini programs of this sandbox the merchant is bound to",
    "api_v3_key": "string: 32 letters and digits; made up when missing",
    "settings": "object: products, verify_with, notify_with, refund_notify_url, refund_after_s,"
    " refund_outcome, balance_fen, fee_rate",
}
SENDER = {
    "signs": "[string]: approved signatures",
    "templates": "[object]: id, text with {1} (Tencent) or ${name} (Alibaba), kind code, notice"
    " or marketing",
    "balance": "integer: text messages left; null without limit",
    "limits": "boolean: whether codes to one number are limited",
    "receipts": "once|twice|never: how many receipts a message has",
    "receipt_after_s": "number: when, on the sandbox's clock",
    "receipt_url": "string: where receipts are pushed",
    "sensitive": "[string]: words that stop a message",
}

# "METHOD path" -> fields of the JSON body.
BODIES: dict[str, dict[str, str]] = {
    "PUT accounts/{appid}": {
        "name": "string: what people see",
        "secret": "string: AppSecret; made up when missing",
        "kind": "string: service, subscription, subscription_unverified or a mini program",
        "callback_url": "string: where pushes go",
        "token": "string: of the callback's signature",
        "aes_key": "string: EncodingAESKey, 43 characters",
        "encrypt_mode": "safe|compatible|plain: how pushes are sealed",
        "oauth_domains": "[string]: hosts (with port) of web authorisation",
        "menu": "[object]: the menu of the account's own editor",
        "welcome": "string: automatic reply to a new follower",
        "open_account": "string: accounts with the same one share unionids",
        "templates": "[object]: template messages: template_id, title, content",
        "allow_ips": "[string]: from where tokens may be asked; null from everywhere",
        "js_domains": "[string]: hosts (with port) of JS-SDK",
        "push_format": "xml|json: form of pushes",
        "admin": "string: slug of who may authorise platforms; null for anybody",
        "principal": "string: name of the legal person",
        "linked": "[string]: appids of linked mini programs",
        "pages": "[string]: pages of a mini program, the first one first",
        "is_frozen": "boolean: the secret is frozen",
    },
    "PUT accounts/{appid}/notices": {
        "": "[object]!: template_id, title, content, kind 2 (once) or 3 (for good)",
    },
    "PUT accounts/{appid}/migration": {
        "from_appid": "string!: the account that was moved here",
        "finished_at": "number: when, seconds since 1970 (default now)",
    },
    "PUT components/{appid}": {
        "name": "string: what administrators see",
        "secret": "string: component_appsecret",
        "token": "string: of the signature of pushes",
        "aes_key": "string: EncodingAESKey, 43 characters",
        "event_url": "string: where tickets and authorisations are pushed",
        "message_url": "string: where messages of the accounts go; holds $APPID$",
        "login_domains": "[string]: hosts (with port) an authorisation starts at and returns to",
        "account_domains": "[string]: hosts (with port) of the accounts' pages",
        "allow_ips": "[string]: from where calls may come; null from everywhere",
        "func_ids": "[integer]: permission sets the platform asks for",
        "testers": "[string]: appids that may authorise before the release",
        "is_released": "boolean: every account may authorise",
        "sends_tickets": "boolean: a ticket every ten minutes",
        "rotates_refresh": "boolean: each refresh brings another refresh token",
        "checks_referer": "boolean: the page on a computer must be opened by a link",
        "event_first": "boolean: the event is pushed before the browser goes back",
    },
    "POST components/{appid}/ticket": {
        "push": "boolean: false only makes a ticket and answers it",
        **WAIT,
    },
    "POST components/{appid}/authorise": {
        **APPID,
        "func_ids": "[integer]: permission sets that are given (default all asked for)",
        "pre_auth_code": "string: of which visit; none when it came from another place",
        "push": "boolean: false loses the event",
        **WAIT,
    },
    "POST components/{appid}/revoke": {**APPID, **WAIT},
    "POST components/{appid}/release-check": {
        **APPID,
        "slug": "string!: a person who follows the account",
    },
    "POST people/{slug}/mute": {**APPID, "on": "boolean: take no messages (default true)"},
    "POST people/{slug}/enter": {
        **APPID,
        "latitude": "number: where the phone is",
        "longitude": "number: where the phone is",
        **WAIT,
    },
    "POST people/{slug}/privacy": {
        **APPID,
        "event": "user_info_modified|user_authorization_revoke|user_authorization_cancellation:"
        " which right is used",
        **WAIT,
    },
    "POST people/{slug}/notices/decide": {
        **APPID,
        "choices": "object!: template id to accept or reject",
        **WAIT,
    },
    "POST people/{slug}/notices/withdraw": {
        **APPID,
        "template_id": "string!: which notice is switched off",
        **WAIT,
    },
    "POST people/{slug}/mini/code": {
        **APPID,
        "kind": "login|phone: wx.login or the phone number button (default login)",
    },
    "POST people/{slug}/mini/open": {"content": "string!: text of a code, or a link"},
    "PUT people": {
        "": "[object]!: slug (also the phone's host name), nickname, phone, platform ios or"
        " android, tags, avatar",
    },
    "POST people/{slug}/follow": {
        **APPID,
        "scene": "string: ADD_SCENE_SEARCH and the other scenes of WeChat",
        "silent": "boolean: without a push",
        **WAIT,
    },
    "POST follows": {
        **APPID,
        "people": "[string]!: slugs",
        "scene": "string: how they came",
    },
    "POST people/{slug}/unfollow": {**APPID, **WAIT},
    "POST people/{slug}/scan": {
        "content": "string!: the text inside the QR code",
        "follow": "boolean: whether a scene code of a stranger is followed up (default true)",
        **WAIT,
    },
    "POST people/{slug}/messages": {
        **APPID,
        "kind": "text|image|voice|video|location|link: what is sent (default text)",
        "text": "string: what the person writes",
        "data": "string: a data: address of the file; a sample when missing",
        "latitude": "number: of a place",
        "longitude": "number: of a place",
        "label": "string: of a place",
        "title": "string: of a link",
        "description": "string: of a link",
        "url": "string: of a link",
        **WAIT,
    },
    "POST people/{slug}/menu": {
        **APPID,
        "path": "[integer]!: place of the button, or place and place below",
        "scan": "string: what is scanned after tapping a scanning button",
        "pictures": "[string]: data: addresses of the pictures taken",
        "place": "object: latitude, longitude, label, name",
        **WAIT,
    },
    "PUT people/{slug}/wallet": {
        "change_fen": "integer: change, in fen",
        "card_fen": "integer: money on the bank card, in fen",
        "password": "string: six digits",
        "is_abnormal": "boolean: WeChat refuses to pay and to refund this person",
    },
    "POST faults": {
        "path": "string!: path of the played call, * for all of api.weixin.qq.com; for payments"
        " /v3/..., for SMS /sms.tencentcloudapi.com/#SendSms",
        "times": "integer: how many calls fail (default 1)",
        "errcode": "integer: answered by api.weixin.qq.com",
        "errmsg": "string: with it",
        "code": "string: answered by WeChat Pay and by the clouds",
        "message": "string: with it",
        "http_status": "integer: answered instead of 200",
        "timeout": "number: seconds to wait first",
        "after": "boolean: the work is done all the same",
        "signature": "signtest|forged|old|missing: of the answer of WeChat Pay",
    },
    "POST callbacks/policy": {
        **APPID,
        "drop": "integer: how many pushes get lost; true for all",
        "delay_s": "number: seconds before each push",
        "duplicate": "integer: how many pushes come twice",
        "replay": "integer: how many pushes come once more with the same signature",
        "wrong_signature": "integer: how many pushes carry a forged signature",
        "wrong_receiver": "integer: how many pushes are sealed for somebody else",
        "old_key": "integer: how many pushes are sealed with the key before",
        "pause_after_failures": "boolean: no pushes for a minute after five failures",
        "template_status": "string: what becomes of template messages",
    },
    "PUT quotas": {
        **APPID,
        "path": "string!: path of the call, or permanent_codes",
        "daily": "integer: calls a day",
        "minute": "integer: calls a minute",
    },
    "POST clock": {
        "advance_s": "number: seconds to move on, negative for back",
        "offset_s": "number: distance from real time; 0 goes back to it",
        "wait": "boolean: answer after everything that fell due was done",
    },
    "POST reset": {"keep": "setup: keep accounts, people, merchants; else forget everything"},
    "POST merchants": {
        "mchid": "string: ten digits beginning with 9; made up when missing",
        **MERCHANT,
        "partner": "boolean: a service provider",
        "sp_mchid": "string: the service provider above this merchant",
        "sub_merchants": "[object]: merchants below a service provider, made with it",
        "private_key_pem": "string: RSA key of 2048 bits; made when missing",
    },
    "PUT merchants/{mchid}": MERCHANT,
    "PUT merchants/{mchid}/policy": {
        "drop": "integer: notifications that get lost; true for all",
        "duplicate": "integer: come twice",
        "forged": "integer: signed with a key that is not WeChat's",
        "signtest": "integer: a probe with a wrong signature comes first",
        "wrong_amount": "integer: one fen too much inside, properly signed",
        "delay_s": "number: come later, on the sandbox's clock",
        "early": "string: slug of who pays each new order before the prepay call is answered",
    },
    "POST merchants/{mchid}/orders/{out_trade_no}/pay": {
        "person": "string!: slug of who pays",
        "bank": "OTHERS|CMB_DEBIT: change or bank card",
        "sub_mchid": "string: of an order of a service provider",
        "wait": "boolean: false answers before the notification was delivered (default true)",
    },
    "POST senders": {
        "provider": "tencent|aliyun!: which cloud",
        "key_id": "string: made up when missing",
        "key_secret": "string: made up when missing",
        "app_id": "string: SmsSdkAppId of Tencent; made up when missing",
        **SENDER,
    },
    "PUT senders/{key_id}": SENDER,
    "PUT codes": {
        "content": "string!: the text in its picture, http://weixin.qq.com/q/...",
        "name": "string!: what it is for",
    },
    "PUT numbers/{phone}": {
        "code": "string: refused with this code when sent",
        "receipt": "once|twice|never: instead of what the account says",
        "receipt_code": "string: the receipt says not delivered, with this code",
        "receipt_after_s": "number: instead of what the account says",
    },
    "POST snapshots": {"name": "string: made of the time when missing"},
}

# "METHOD path" -> values of the query.
QUERIES: dict[str, dict[str, str]] = {
    "GET openids": APPID,
    "DELETE codes": APPID,
    "GET calls": {
        "limit": "integer: at most 500 (default 50)",
        "before": "integer: only calls with smaller numbers",
        "kind": "api|pay|callback|page: which ones",
        "find": "string: in path, request, answer and note",
    },
    "GET sms": {
        "phone": "string: in E.164",
        "find": "string: in number and text",
    },
    "GET merchants/{mchid}/orders": {"find": "string: in numbers and descriptions"},
    "GET merchants/{mchid}/bill": {
        "date": "string!: a day in Beijing, 2026-11-22",
        "kind": "trade|flow: which bill",
    },
}

TAGS = {
    "accounts": "Accounts",
    "people": "People and their phones",
    "follows": "People and their phones",
    "openids": "People and their phones",
    "codes": "QR codes",
    "merchants": "WeChat Pay",
    "sms": "Text messages",
    "senders": "Text messages",
    "numbers": "Text messages",
    "components": "Open Platform",
    "clock": "Time, faults, log",
    "faults": "Time, faults, log",
    "callbacks": "Time, faults, log",
    "quotas": "Time, faults, log",
    "calls": "Time, faults, log",
    "snapshots": "Snapshots and reset",
    "reset": "Snapshots and reset",
}

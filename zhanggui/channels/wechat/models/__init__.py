"""Tables of this channel; all are global: an account belongs to a tier, not only to merchants."""

from zhanggui.channels.wechat.models.accounts import (
    AuthorisationVisit,
    ChannelAccount,
    Component,
    Ending,
    Kind,
    PageTicket,
    PushMode,
    Standing,
    TokenHolder,
    Way,
)
from zhanggui.channels.wechat.models.bindings import (
    BindingState,
    Form,
    Permit,
    TemplateBinding,
)
from zhanggui.channels.wechat.models.callbacks import (
    BODY_OF_DELIVERY,
    KIND_LABELS,
    CallbackDelivery,
    DeliveryState,
)
from zhanggui.channels.wechat.models.calls import ApiCall, CallDay
from zhanggui.channels.wechat.models.codes import SceneCode
from zhanggui.channels.wechat.models.conditional import (
    ConditionalMenu,
    ConditionalVersion,
    Platform,
)
from zhanggui.channels.wechat.models.menus import MenuDraft, MenuVersion
from zhanggui.channels.wechat.models.messages import (
    BODY_OF_MESSAGE,
    MessageState,
    OutgoingMessage,
)
from zhanggui.channels.wechat.models.minis import MiniCode
from zhanggui.channels.wechat.models.people import (
    Follower,
    OAuthState,
    Outcome,
    PersonIdentity,
)
from zhanggui.channels.wechat.models.replies import AutoReply, Occasion, ReplyKind, ReplyPicture
from zhanggui.channels.wechat.models.serving import ServingPeriod, ServingReason
from zhanggui.channels.wechat.models.tracked import CodeScan, TrackedCode

__all__ = [
    "BODY_OF_DELIVERY",
    "BODY_OF_MESSAGE",
    "KIND_LABELS",
    "ApiCall",
    "AuthorisationVisit",
    "AutoReply",
    "BindingState",
    "CallDay",
    "CallbackDelivery",
    "ChannelAccount",
    "CodeScan",
    "Component",
    "ConditionalMenu",
    "ConditionalVersion",
    "DeliveryState",
    "Ending",
    "Follower",
    "Form",
    "Kind",
    "MenuDraft",
    "MenuVersion",
    "MessageState",
    "MiniCode",
    "OAuthState",
    "Occasion",
    "Outcome",
    "OutgoingMessage",
    "PageTicket",
    "Permit",
    "PersonIdentity",
    "Platform",
    "PushMode",
    "ReplyKind",
    "ReplyPicture",
    "SceneCode",
    "ServingPeriod",
    "ServingReason",
    "Standing",
    "TemplateBinding",
    "TokenHolder",
    "TrackedCode",
    "Way",
]

"""Tables of this channel; all are global: an account belongs to a tier, not only to merchants."""

from zhanggui.channels.wechat.models.accounts import (
    AuthorisationVisit,
    ChannelAccount,
    Component,
    Ending,
    Kind,
    PushMode,
    Standing,
    TokenHolder,
    Way,
)
from zhanggui.channels.wechat.models.callbacks import (
    BODY_OF_DELIVERY,
    KIND_LABELS,
    CallbackDelivery,
    DeliveryState,
)
from zhanggui.channels.wechat.models.calls import ApiCall, CallDay
from zhanggui.channels.wechat.models.codes import SceneCode
from zhanggui.channels.wechat.models.messages import (
    BODY_OF_MESSAGE,
    MessageState,
    OutgoingMessage,
)
from zhanggui.channels.wechat.models.people import (
    Follower,
    OAuthState,
    Outcome,
    PersonIdentity,
)

__all__ = [
    "BODY_OF_DELIVERY",
    "BODY_OF_MESSAGE",
    "KIND_LABELS",
    "ApiCall",
    "AuthorisationVisit",
    "CallDay",
    "CallbackDelivery",
    "ChannelAccount",
    "Component",
    "DeliveryState",
    "Ending",
    "Follower",
    "Kind",
    "MessageState",
    "OAuthState",
    "Outcome",
    "OutgoingMessage",
    "PersonIdentity",
    "PushMode",
    "SceneCode",
    "Standing",
    "TokenHolder",
    "Way",
]

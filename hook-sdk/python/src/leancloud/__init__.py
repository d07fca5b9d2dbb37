"""The package `leancloud` as hooks use it, for functions that run in hookd.

`Engine`, `LeanEngineError`, `cloud` and the log do what they do in LeanEngine. Object storage is not part of hookd: its
classes exist, so that a file which uses them loads, and their requests raise `LeanCloudError`.
"""

from leancloud import client, cloud, push
from leancloud.client import init, use_master_key, use_production, use_region
from leancloud.engine import Engine, LeanEngineError
from leancloud.errors import LeanCloudError, LeanCloudWarning
from leancloud.storage import (
    ACL,
    Conversation,
    File,
    FriendshipQuery,
    GeoPoint,
    InboxQuery,
    Installation,
    Message,
    Object,
    Query,
    Relation,
    Role,
    Status,
    SysMessage,
    User,
)
from leancloud.web import HttpsRedirectMiddleware

__version__ = "3.0.2"

__all__ = [
    "ACL",
    "Conversation",
    "Engine",
    "File",
    "FriendshipQuery",
    "GeoPoint",
    "HttpsRedirectMiddleware",
    "InboxQuery",
    "Installation",
    "LeanCloudError",
    "LeanCloudWarning",
    "LeanEngineError",
    "Message",
    "Object",
    "Query",
    "Relation",
    "Role",
    "Status",
    "SysMessage",
    "User",
    "client",
    "cloud",
    "init",
    "push",
    "use_master_key",
    "use_production",
    "use_region",
]

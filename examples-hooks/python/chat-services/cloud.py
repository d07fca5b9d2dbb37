"""What a chat does besides delivering: who is online, lists of conversations, notices, pushes, a log."""

import json
import os

import redis
import requests
from leancloud import Engine, LeanEngineError

engine = Engine()
redis_client = redis.from_url(os.environ.get("REDIS_URL_cache"), decode_responses=True)

# Who has not been back for so long is forgotten.
REMEMBERED_SECONDS = 7 * 24 * 60 * 60
# Longest list of clients that one call may ask about.
MOST_PEERS = 500

RECENT = "recent-conversations"
# Older ones are forgotten.
MOST_CONVERSATIONS = 100

# More new members at once than these are many.
FEW = 10
PATIENCE_SECONDS = 2

MOST_CHARACTERS = 20
# What stands for messages without a text, by their type.
KINDS = {-2: "[image]", -3: "[audio]", -4: "[video]", -5: "[location]", -6: "[file]"}


@engine.define
def _clientOnline(peerId, **params):
    redis_client.set(presence_of(peerId), 1)


@engine.define
def _clientOffline(peerId, **params):
    redis_client.set(presence_of(peerId), 0, ex=REMEMBERED_SECONDS)


@engine.define("getOnOffStatus")
def on_off_status(peerIds, **params):
    """`"1"`, `"0"` or `None` for each client, in the order asked: online, offline, not seen for seven days."""
    if len(peerIds) > MOST_PEERS:
        raise LeanEngineError(f"ask about at most {MOST_PEERS} clients at once")
    # MGET of nothing is an error.
    return redis_client.mget([presence_of(peer) for peer in peerIds]) if peerIds else []


# For the app's own servers: internal functions need the master key or the hook key.
@engine.define("forgetClient", internal=True)
def forget_client(peerId, **params):
    return redis_client.delete(presence_of(peerId)) == 1


def presence_of(peer_id):
    return f"presence:{peer_id}"


@engine.define
def _conversationStarted(convId, **params):
    put_first(RECENT, convId)


@engine.define
def _conversationRemoved(initBy, members, convId, **params):
    # Left by itself, and was not removed by another member.
    if members == [initBy]:
        put_first(left_by(initBy), convId)


@engine.define
def _conversationAdded(initBy, members, convId, **params):
    for member in members:
        # Who is back has not left.
        redis_client.lrem(left_by(member), 0, convId)
    if len(members) > FEW:
        notice = {"conversation": convId, "by": initBy, "members": len(members)}
        # A hook that fails is called again, so that no notice is lost.
        requests.post(os.environ["NOTICE_URL"], json=notice, timeout=PATIENCE_SECONDS).raise_for_status()


@engine.define("recentConversations")
def recent_conversations(**params):
    return redis_client.lrange(RECENT, 0, -1)


@engine.define("leftConversations")
def left_conversations(peerId, **params):
    return redis_client.lrange(left_by(peerId), 0, -1)


def left_by(peer_id):
    return f"left-conversations:{peer_id}"


def put_first(conversations, conv_id):
    """A hook may be called twice for one operation: the conversation is in the list once."""
    with redis_client.pipeline() as pipeline:
        pipeline.lrem(conversations, 0, conv_id)
        pipeline.lpush(conversations, conv_id)
        pipeline.ltrim(conversations, 0, MOST_CONVERSATIONS - 1)
        pipeline.execute()


@engine.define
def _receiversOffline(fromPeer, content, **params):
    payload = {
        "alert": f"{fromPeer}: {shown(content)}",
        "badge": "Increment",
        "sound": "default",
        # Which certificate of Apple's the gateway uses.
        "_profile": os.environ.get("PUSH_PROFILE", "prod"),
    }
    return {"pushMessage": json.dumps(payload)}


def shown(content):
    """The beginning of the text, or the kind of a message without one."""
    try:
        message = json.loads(content)
    except ValueError:
        message = None
    text = content
    if isinstance(message, dict):
        text = str(message.get("_lctext") or KINDS.get(message.get("_lctype"), content))
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


@engine.define
def _messageSent(msgId, fromPeer, convId, onlinePeers, offlinePeers, **params):
    receivers = f"{len(onlinePeers)} online, {len(offlinePeers)} offline"
    print(f"message {msgId} from {fromPeer} in {convId}: {receivers}")


@engine.define
def _rtmClientSign(emailVerified=False, mobilePhoneVerified=False, **params):
    if emailVerified or mobilePhoneVerified:
        return {"result": True}
    return {"result": False, "error": "verify your mail address or your phone first"}

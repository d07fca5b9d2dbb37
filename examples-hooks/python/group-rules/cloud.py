"""Rules of groups: what may be written, who may come and go, and what may change."""

import os

from leancloud import Engine

from content import UnreadableContent, rewrite_texts
from store import redis_client
from words import unwanted_words

engine = Engine()

# With the creator among them.
MINIMUM_MEMBERS = int(os.environ.get("MINIMUM_MEMBERS", 3))
STAFF = ("staff-ann", "staff-bob")
# Client ids of guests all begin like this.
GUEST_PREFIX = "guest-"
CLOSED = "closed-conversations"


@engine.define
def _messageReceived(bin, content, **params):
    return filtered(bin, content)


@engine.define
def _messageUpdate(bin, content, recall, **params):
    # A recall has a content too, but clients do not show it.
    return {} if recall else filtered(bin, content)


def filtered(bin, content):
    """Takes the words of the list out of a message."""
    if bin:
        return {}
    words = unwanted_words()
    try:
        rewritten = rewrite_texts(content, lambda text: without(words, text))
    except UnreadableContent:
        return {"drop": True, "code": 9002, "detail": "this message cannot be read"}
    return {} if rewritten == content else {"content": rewritten}


def without(words, text):
    for word in words:
        text = text.replace(word, "**")
    return text


@engine.define
def _conversationStart(members, **params):
    if len(members) >= MINIMUM_MEMBERS:
        return {}
    return refused(1234, f"a group needs at least {MINIMUM_MEMBERS} members")


@engine.define
def _conversationAdd(initBy, members, convId, **params):
    if initBy.startswith(GUEST_PREFIX) and members != [initBy]:
        return refused(9890, "guests cannot add members")
    if redis_client.sismember(CLOSED, convId):
        return refused(9890, "this conversation is closed")
    return {}


# For the app's own servers, which know who may close a conversation.
@engine.define("closeConversation", internal=True)
def close_conversation(convId):
    return redis_client.sadd(CLOSED, convId)


@engine.define("openConversation", internal=True)
def open_conversation(convId):
    return redis_client.srem(CLOSED, convId)


@engine.define
def _conversationRemove(members, **params):
    for member in members:
        if member in STAFF:
            return refused(1928, f"{member} cannot be removed")
    return {}


@engine.define
def _conversationUpdate(attr=None, **params):
    # Without `attr` the client mutes the conversation, or unmutes it.
    if attr and "name" in attr:
        return refused(1949, "the name of a conversation cannot be changed")
    return None


def refused(code, detail):
    return {"reject": True, "code": code, "detail": detail}

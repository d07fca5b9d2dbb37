"""Hooks of a LeanEngine app, with the decisions of examples-hooks/team-chat."""

import json

from leancloud import Engine

engine = Engine()


@engine.define("_messageReceived")
def message_received(bin, content, **params):
    if bin:
        return {}
    rich = parse(content)
    text = rich["_lctext"] if rich else content
    if "cheap watches" in text:
        return {"drop": True, "code": 9001, "detail": "no advertising here"}
    if "crap" not in text:
        return {}
    polite = text.replace("crap", "**")
    return {"content": json.dumps({**rich, "_lctext": polite}) if rich else polite}


@engine.define("_conversationStart")
def conversation_start(members, **params):
    if len(members) >= 3:
        return {}
    return {"reject": True, "code": 1234, "detail": "a group needs at least three members"}


@engine.define("_conversationRemove")
def conversation_remove(members, **params):
    staff = next((member for member in members if member.startswith("staff-")), None)
    return {"reject": True, "code": 1928, "detail": f"{staff} cannot be removed"} if staff else {}


@engine.define("_messageSent")
def message_sent(**params):
    print(f"{params['fromPeer']} wrote {params['msgId']}")


def parse(content):
    try:
        value = json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None

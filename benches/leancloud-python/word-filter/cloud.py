"""The word filter of the bench as LeanEngine code: the package `leancloud` and hookd run this same file.

Same logic as examples-hooks/word-filter.
"""

import json

from leancloud import Engine

IMPOLITE = "crap"
REPLACEMENT = "**"
ADVERTISING = "cheap watches"
ADVERTISING_CODE = 9001

engine = Engine()


@engine.define("_messageReceived")
def message_received(bin, content, **params):
    if bin:
        return {}
    rich = read_rich(content)
    text = content if rich is None else rich.get("_lctext")
    if not isinstance(text, str):
        return {}
    if ADVERTISING in text:
        return {"drop": True, "code": ADVERTISING_CODE, "detail": "no advertising here"}
    if IMPOLITE not in text:
        return {}
    polite = text.replace(IMPOLITE, REPLACEMENT)
    return {"content": polite if rich is None else json.dumps({**rich, "_lctext": polite})}


def read_rich(content):
    """The members of a rich message; `None` for a plain text."""
    try:
        value = json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None

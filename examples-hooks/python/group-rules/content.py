"""The texts of a message as its readers see them. In a rich message, which is JSON, `crap` may be written `cr\\u0061p`, and stand
in an attribute."""

import json
import re
import sys

# Of the file in a message, what is not shown.
FILE = "_lcfile"
UNSEEN_OF_A_FILE = ("url", "objId")
# No message needs more.
MAX_DEPTH = 127
# Some clients read what is almost JSON.
RICH = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ufeff]*\{")


class UnreadableContent(Exception):
    """Some clients may show it as something else than others: refuse it."""


def rewrite_texts(content, rewrite):
    """The content with each of its texts rewritten; the content itself, to the letter, when no text changes."""
    try:
        message = json.loads(content, parse_constant=refuse_constant, parse_float=finite)
    except RecursionError:
        raise UnreadableContent from None
    except ValueError:
        if RICH.match(content):
            raise UnreadableContent from None
        return rewrite(content)
    rewritten = rewrite_value(message, rewrite, MAX_DEPTH)
    return content if rewritten == message else json.dumps(rewritten)


def refuse_constant(name):
    """`NaN` and its like are JSON for Python alone."""
    raise ValueError(name)


def finite(text):
    """A number too great for JSON's readers is the greatest there is."""
    return max(-sys.float_info.max, min(float(text), sys.float_info.max))


def rewrite_value(value, rewrite, depth, is_file=False):
    if isinstance(value, str):
        return rewrite(value)
    if not isinstance(value, (list, dict)):
        return value
    if depth == 0:
        raise UnreadableContent
    if isinstance(value, list):
        return [rewrite_value(item, rewrite, depth - 1) for item in value]
    return {
        key: item if is_file and key in UNSEEN_OF_A_FILE else rewrite_value(item, rewrite, depth - 1, key == FILE)
        for key, item in value.items()
    }

"""The functions that the conformance tests know, as in tests/conformance/known-functions."""

import os
import time

from leancloud import Engine, LeanEngineError

# Without `fetch_user` the session token is not exchanged for a user, which would need the vendor's storage.
engine = Engine(fetch_user=False)


def repeat(**params):
    return params


for name in ("echo", "_custom", "_serviceEvent", "_messageReceived"):
    engine.define(name)(repeat)

# This SDK has no functions that are internal.
engine.define("insideOnly")(lambda **params: "inside")

engine.define("number")(lambda **params: 7)
engine.define("text")(lambda **params: "seven")
engine.define("boolean")(lambda **params: True)
engine.define("list")(lambda **params: [1, "two", None])
engine.define("null")(lambda **params: None)
engine.define("nothing")(lambda **params: None)
engine.define("garbled")(lambda **params: object())


@engine.define("refuses")
def refuses(**params):
    raise LeanEngineError("no luck")


@engine.define("refusesAs418")
def refuses_as_418(**params):
    raise LeanEngineError(status=418, code=4321, message='tea "pot"\n茶')


@engine.define("refusesAsSuccess")
def refuses_as_success(**params):
    raise LeanEngineError(status=226, code=1, message="all is well")


@engine.define("refusesWordless")
def refuses_wordless(**params):
    raise LeanEngineError("")


@engine.define("breaks")
def breaks(**params):
    raise RuntimeError("an error occurred when formatting an argument")


@engine.define("late")
def late(**params):
    time.sleep(2)
    return "late"


@engine.define("caller")
def caller(**params):
    return {
        "address": engine.current.meta["remote_address"],
        "session": engine.current.session_token,
        "environment": os.environ["LEANCLOUD_APP_ENV"],
    }

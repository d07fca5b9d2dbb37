"""One call of a function."""

import json

from hookd import instance, output
from leancloud import engine
from leancloud.engine import LeanEngineError

# What a caller sees of an error that the function did not mean.
BROKEN = (141, 500, "Cloud Code script had an error.")
# The contract's codes are 32-bit numbers.
MAX_CODE = 2**31


def answer(name, params, context):
    """The reply as JSON text, or code, status and text of a failure."""
    try:
        instance.start()
        result = engine.call(name, json.loads(params), context)
        return json.dumps(result, allow_nan=False, separators=(",", ":"))
    except LeanEngineError as error:
        return failure(error)
    except BaseException as error:
        # The engine's own log has the answer; why it came, only the developer may see.
        output.write_error(instance.traceback_of(error))
        return BROKEN
    finally:
        engine.forget_caller()
        output.end_lines()


def failure(error):
    """What the contract can carry of the error."""
    code = error.code if isinstance(error.code, int) and -MAX_CODE <= error.code < MAX_CODE else 1
    status = error.status if isinstance(error.status, int) and 0 <= error.status < 65_536 else 500
    message = str(error.message).encode("utf-8", "replace").decode("utf-8")
    return (int(code), int(status), message)

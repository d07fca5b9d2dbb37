"""What the tests of the SDK for Python call."""

import json
import logging
import os
import pathlib
import random
import sys
import urllib.error
import urllib.request
import uuid

import leancloud
import redis
import requests
from app import app
from leancloud import Engine, LeanCloudError, LeanEngineError, cloud

from helpers import words

# As LeanCloud's project to begin with has it.
engine = Engine(app)
other = Engine()

# At the top level, as in LeanEngine: the variables of the version are known.
COLOUR = os.environ.get("COLOUR", "none")
cache = redis.from_url(os.environ.get("REDIS_URL_main"))
text_cache = redis.Redis(decode_responses=True)
log = logging.getLogger(__name__)
calls = 0

Todo = leancloud.Object.extend("Todo")


@engine.define
def variables(**params):
    return {"colour": COLOUR, "environment": os.environ["LEANCLOUD_APP_ENV"], "now": os.environ.get("COLOUR", "none")}


@engine.define("renamed")
def some_name(**params):
    return "renamed"


@other.define
def of_another_engine(**params):
    return "other"


engine.register(other)


@engine.define
def strict(a, b=2):
    return [a, b]


@engine.define
def count_calls(**params):
    global calls
    calls += 1
    return calls


@engine.define
def chance(**params):
    return [random.random(), str(uuid.uuid4())]


@engine.define
def local_calls(**params):
    return [cloud.run.local("strict", a=1), cloud.run("strict", a=3, _hidden=1), cloud.rpc.local("renamed")]


@engine.define
def caller(**params):
    user = engine.current.user
    return [engine.current.meta["remote_address"], engine.current.session_token, user and user.get("username")]


@engine.define
def writes(**params):
    print("to", "stdout")
    print("to stderr", file=sys.stderr)
    log.warning("a warning")
    log.error("an error")
    sys.stdout.write("no line end")


@engine.define
def breaks(**params):
    return words.divide(1, 0)


@engine.define
def ends(**params):
    sys.exit(3)


@engine.define
def deep(**params):
    return deep(**params)


@engine.define
def not_json(kind, **params):
    return {"object": object(), "nan": float("nan"), "circle": circle()}[kind]


def circle():
    made = []
    made.append(made)
    return made


@engine.define
def reads_files(**params):
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "data", "words.txt"), encoding="utf-8") as file:
        words_of_file = file.read().split()
    folder = pathlib.Path(__file__).parent / "data"
    return [
        words_of_file,
        sorted(os.listdir(os.path.join(here, "data"))),
        [path.name for path in folder.iterdir() if path.is_file()],
        (folder / "words.txt").read_text().split(),
        (folder / "no.txt").exists(),
    ]


@engine.define
def refused_by_the_system(**params):
    import socket
    import subprocess
    import threading

    attempts = {
        "socket": lambda: socket.create_connection(("127.0.0.1", 80)),
        "name": lambda: socket.getaddrinfo("example.com", 80),
        "read": lambda: open("/etc/passwd"),
        "write": lambda: open("new.txt", "w"),
        "raw": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "remove": lambda: os.remove("cloud.py"),
        "process": lambda: subprocess.run(["ls"]),
        "thread": threading.Thread(target=print).start,
    }
    return {name: failure_of(attempt) for name, attempt in attempts.items()}


def failure_of(attempt):
    try:
        attempt()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "worked"


@engine.define
def late_imports(**params):
    import difflib
    import statistics

    return [statistics.mean([1, 2, 3]), difflib.get_close_matches("appel", ["apple", "pear"])]


@engine.define
def computed_import(name, **params):
    return __import__(name).__name__


@engine.define
def uses_redis(**params):
    cache.delete("n", "h", "l", "s", "z", "k")
    pipeline = cache.pipeline()
    pipeline.incr("n").lpush("l", "a", "b").rpush("l", 3)
    found = {
        "set": [cache.set("k", "v", ex=60), cache.set("k", "w", nx=True), cache.ttl("k"), cache.get("k"), cache.get("no")],
        "text": [text_cache.get("k"), text_cache.mget(["k", "no"])],
        "pipeline": pipeline.execute(),
        "list": [cache.lrange("l", 0, -1), cache.llen("l")],
        "hash": [cache.hset("h", mapping={"a": 1, "b": "x"}), cache.hgetall("h"), text_cache.hgetall("h")],
        "members": [cache.sadd("s", "x", "y"), sorted(text_cache.smembers("s")), cache.sismember("s", "x")],
        "scores": [
            cache.zadd("z", {"m": 1.5, "n": 2}),
            text_cache.zrange("z", 0, -1, withscores=True),
            cache.zscore("z", "m"),
            text_cache.zrevrange("z", 0, 0),
        ],
        "truth": [cache.expire("k", 30), cache.exists("k", "no"), cache.delete("k"), cache.type("z")],
        "wrong": failure_of(lambda: cache.lpush("z", 1)),
        "refused": failure_of(lambda: cache.flushall()),
        "publish": failure_of(lambda: cache.publish("channel", "text")),
        "nothing": failure_of(lambda: cache.set("k", None)),
    }
    return plain(found)


def plain(value):
    """As JSON can carry it, with bytes marked."""
    if isinstance(value, bytes):
        return f"b:{value.decode()}"
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


@engine.define
def uses_requests(url, **params):
    session = requests.Session()
    session.headers["X-From"] = "python"
    posted = session.post(url + "/echo", json={"a": "ü"}, params={"q": "a b"}, timeout=5)
    missing = requests.get(url + "/missing")
    return {
        "posted": [posted.status_code, posted.json(), posted.headers["content-type"], posted.ok],
        "form": requests.post(url + "/echo", data={"x": "1 2"}).json()["body"],
        "redirected": [requests.get(url + "/moved").json()["path"], len(requests.get(url + "/moved").history)],
        "missing": [missing.status_code, failure_of(missing.raise_for_status)[:40]],
        "closed": failure_of(lambda: requests.get("http://127.0.0.1:1/")),
        "no scheme": failure_of(lambda: requests.get("example.com")),
    }


@engine.define
def uses_urllib(url, **params):
    request = urllib.request.Request(url + "/echo", data=b"body", headers={"X-From": "urllib"})
    with urllib.request.urlopen(request, timeout=5) as response:
        posted = [response.status, json.load(response), response.headers["Content-Type"]]
    try:
        urllib.request.urlopen(url + "/missing")
    except urllib.error.HTTPError as error:
        missing = [error.code, error.read().decode()]
    return {"posted": posted, "missing": missing}


@engine.define
def uses_storage(**params):
    todo = Todo()
    todo.set("title", "x")
    try:
        todo.save()
    except LeanCloudError as error:
        return [todo.get("title"), str(error), failure_of(leancloud.Query(Todo).equal_to("a", 1).find)]


@engine.define
def refuses(kind, **params):
    raise {
        "text": LeanEngineError("text"),
        "code": LeanEngineError(123, "with a code"),
        "status": LeanEngineError(403, "a status"),
        "all": LeanEngineError(status=418, code=4321, message="all three"),
    }[kind]


@engine.before_save("Todo")
def before_todo(todo):
    pass


@engine.define
def _messageReceived(content, **params):
    return {"content": content.replace("crap", "**")}

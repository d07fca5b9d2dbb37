"""The word filter of the bench on LeanCloud's own package for Python, on the server that its documentation shows, gevent's.

Prints its address as one line of JSON.
"""

import json
import os
import socket
import sys
from pathlib import Path

import leancloud
from gevent.pywsgi import WSGIServer

leancloud.init(
    os.environ["LEANCLOUD_APP_ID"],
    app_key=os.environ["LEANCLOUD_APP_KEY"],
    master_key=os.environ["LEANCLOUD_APP_MASTER_KEY"],
    hook_key=os.environ["LEANCLOUD_APP_HOOK_KEY"],
)

sys.path.insert(0, str(Path(__file__).parent / "word-filter"))
# After the app: the SDK reads its keys when functions are defined.
from cloud import engine  # noqa: E402


def not_found(environ, start_response):
    """The web application of the project: whatever is not the engine's comes here."""
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"not found"]


server = WSGIServer(("127.0.0.1", 0), engine.wrap(not_found), log=None)
server.start()
# Connections inherit it. The server sends head and body of an answer apart; without it the body waits 40 ms for the client's
# delayed acknowledgement of the head.
server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
server.serve_forever()

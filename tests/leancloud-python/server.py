"""Serves the functions of a file as a LeanEngine project does, on a free port, and prints the address as one line of JSON.

Argument: the file.
"""

import importlib
import json
import os
import sys

import leancloud
from gevent.pywsgi import WSGIServer

leancloud.init(
    os.environ["LEANCLOUD_APP_ID"],
    app_key=os.environ["LEANCLOUD_APP_KEY"],
    master_key=os.environ["LEANCLOUD_APP_MASTER_KEY"],
    hook_key=os.environ["LEANCLOUD_APP_HOOK_KEY"],
)

# After the app: the SDK reads its keys when functions are defined.
engine = importlib.import_module(sys.argv[1]).engine


def not_found(environ, start_response):
    """The web application of the project: whatever is not the engine's comes here."""
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"not found"]


server = WSGIServer(("127.0.0.1", 0), engine.wrap(not_found), log=None)
server.start()
print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
server.serve_forever()

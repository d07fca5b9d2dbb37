"""The app's keys and address. hookd gives them as variables; what a project sets goes before them."""

import json
import os

from leancloud.errors import LeanCloudError

APP_ID = None
APP_KEY = None
MASTER_KEY = None
HOOK_KEY = None
USE_PRODUCTION = None
USE_MASTER_KEY = None


def init(app_id, app_key=None, master_key=None, hook_key=None):
    """Sets the app and its keys."""
    global APP_ID, APP_KEY, MASTER_KEY, HOOK_KEY
    if not app_key and not master_key:
        raise RuntimeError("app_key or master_key must be specified")
    APP_ID, APP_KEY, MASTER_KEY, HOOK_KEY = app_id, app_key, master_key, hook_key


def use_production(flag):
    """Calls go to functions in production, or in staging."""
    global USE_PRODUCTION
    USE_PRODUCTION = bool(flag)


def use_master_key(flag=True):
    """Requests carry the master key."""
    global USE_MASTER_KEY
    USE_MASTER_KEY = bool(flag)


def use_region(region):
    """There are no regions: the address is in `LEANCLOUD_API_SERVER`."""


def headers():
    """What a request to the service carries."""
    app_key = APP_KEY or os.environ.get("LEANCLOUD_APP_KEY", "")
    master_key = MASTER_KEY or os.environ.get("LEANCLOUD_APP_MASTER_KEY", "")
    in_production = USE_PRODUCTION
    if in_production is None:
        in_production = os.environ.get("LEANCLOUD_APP_ENV") != "stage"
    return {
        "Content-Type": "application/json;charset=utf-8",
        "X-LC-Id": APP_ID or os.environ.get("LEANCLOUD_APP_ID", ""),
        "X-LC-Key": f"{master_key},master" if USE_MASTER_KEY and master_key else app_key,
        "X-LC-Prod": "1" if in_production else "0",
    }


def post(path, params):
    """Sends a request to the service and answers what it said."""
    import requests

    server = os.environ.get("LEANCLOUD_API_SERVER")
    if not server:
        raise LeanCloudError(1, f"`{path}` cannot be asked: the variable LEANCLOUD_API_SERVER is not set")
    response = requests.post(f"{server.rstrip('/')}/1.1{path}", data=json.dumps(params), headers=headers())
    content = response.json()
    if response.status_code >= 400 or "error" in content:
        raise LeanCloudError(content.get("code", 1), content.get("error", "Unknown Error"))
    return content


def get_server_time():
    """hookd's own clock."""
    import datetime

    return datetime.datetime.now(datetime.timezone.utc)

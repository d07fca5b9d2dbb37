"""Calls of functions, and what the vendor's service offers beside them."""

from leancloud import client, engine
from leancloud.errors import not_offered


def run(_cloud_func_name, **params):
    """Calls a function: in this instance where the module defines it, else over HTTP."""
    if engine.find(_cloud_func_name) is not None:
        return engine.run(_cloud_func_name, params)
    return _remote("functions", _cloud_func_name, params)


def rpc(_cloud_rpc_name, **params):
    """As `run`: without the object storage there are no objects to encode."""
    if engine.find(_cloud_rpc_name) is not None:
        return engine.run(_cloud_rpc_name, params)
    return _remote("call", _cloud_rpc_name, params)


def _remote(route, name, params):
    return client.post(f"/{route}/{name}", params).get("result")


def _local(_cloud_func_name, **params):
    """Calls a function of this module, in this instance."""
    return engine.run(_cloud_func_name, params)


run.remote = lambda _cloud_func_name, **params: _remote("functions", _cloud_func_name, params)
rpc.remote = lambda _cloud_rpc_name, **params: _remote("call", _cloud_rpc_name, params)
run.local = rpc.local = _local


def request_sms_code(phone_number, *arguments, **options):
    """Not offered."""
    raise not_offered("cloud.request_sms_code")


def verify_sms_code(phone_number, code):
    """Not offered."""
    raise not_offered("cloud.verify_sms_code")


def request_captcha(*arguments, **options):
    """Not offered."""
    raise not_offered("cloud.request_captcha")


def verify_captcha(code, token):
    """Not offered."""
    raise not_offered("cloud.verify_captcha")


def get_server_time():
    """hookd's own clock."""
    return client.get_server_time()

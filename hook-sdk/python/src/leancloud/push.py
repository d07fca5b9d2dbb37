"""Push notifications, which apps of hookd send through their push gateway."""

from leancloud.errors import not_offered
from leancloud.storage import Installation


def send(data, *arguments, **options):
    """Not offered: a push from a hook is the reply of `_receiversOffline`."""
    raise not_offered("push.send")


__all__ = ["Installation", "send"]

"""Sockets, threads and processes, which hooks do not have: each fails with words, not with a trap."""

import errno

TEXT = "hooks have no sockets: send requests with `requests`, `urllib.request` or `http.client`"


def refuse(*arguments, **options):
    """Takes the place of what would reach for the network."""
    raise OSError(errno.EPERM, TEXT)


def take_over():
    """From here on no socket can be made."""
    import socket

    class Socket(socket.socket):
        """Nothing is connected with it."""

        def __init__(self, *arguments, **options):
            refuse()

    socket.socket = socket.SocketType = Socket
    for name in (
        "create_connection",
        "create_server",
        "fromfd",
        "getaddrinfo",
        "gethostbyaddr",
        "gethostbyname",
        "gethostbyname_ex",
        "getnameinfo",
        "socketpair",
    ):
        if hasattr(socket, name):
            setattr(socket, name, refuse)
    socket.gethostname = lambda: "hookd"

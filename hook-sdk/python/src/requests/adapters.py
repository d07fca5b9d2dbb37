"""For programs that configure connections; the engine has its own."""


class HTTPAdapter:
    """Keeps nothing."""

    def __init__(self, *arguments, **options):
        pass

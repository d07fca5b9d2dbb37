"""The names of hooks that exist in LeanEngine and never fire here."""

# Each needs the object storage.
NEVER_FIRED = {
    "before_save": "__before_save_for_",
    "after_save": "__after_save_for_",
    "before_update": "__before_update_for_",
    "after_update": "__after_update_for_",
    "before_delete": "__before_delete_for_",
    "after_delete": "__after_delete_for_",
    "on_verified": "__on_verified_",
    "on_login": "__on_login__User",
    "on_auth_data": "__on_authdata__User",
    "on_insight": "__on_complete_bigquery_job",
}


class Registered:
    """A function, as it was defined."""

    __slots__ = ("function", "internal")

    def __init__(self, function, internal):
        self.function = function
        self.internal = internal


def never_fired_name(kind, argument):
    """The name under which such a hook is listed."""
    # A class of the storage, or its name.
    name = getattr(argument, "__name__", argument) or ""
    return NEVER_FIRED[kind] + name


def is_never_fired(name):
    """True for the names that `never_fired_name` gives."""
    return name.startswith(tuple(NEVER_FIRED.values()))

"""Classes of the object storage. They hold attributes, so that files which define and fill objects load and run; what would
send a request raises."""

import copy

from leancloud.errors import not_offered


def refusing(what):
    """A method that would send a request."""

    def method(self, *arguments, **options):
        raise not_offered(f"{type(self).__name__}.{what}")

    method.__name__ = what
    return method


def refusing_class_method(what):
    """The same for one that is called on the class."""

    def method(cls, *arguments, **options):
        raise not_offered(f"{cls.__name__}.{what}")

    method.__name__ = what
    return classmethod(method)


class Object:
    """A row of a class, with attributes that were never stored."""

    def __init__(self, **attributes):
        self._attributes = dict(attributes)
        self.id = None
        self.created_at = None
        self.updated_at = None
        self._class_name = getattr(type(self), "_class_name", type(self).__name__)

    @classmethod
    def extend(cls, name):
        return type(name, (cls,), {"_class_name": name})

    @classmethod
    def create(cls, class_name, **attributes):
        return cls.extend(class_name)(**attributes)

    @classmethod
    def create_without_data(cls, id_):
        made = cls()
        made.id = id_
        return made

    def set(self, key_or_attributes, value=None, **options):
        if isinstance(key_or_attributes, dict):
            self._attributes.update(key_or_attributes)
        else:
            self._attributes[key_or_attributes] = value
        return self

    def unset(self, key):
        self._attributes.pop(key, None)
        return self

    def get(self, key, default=None, **options):
        return self._attributes.get(key, default)

    def has(self, key):
        return key in self._attributes

    def increment(self, key, amount=1):
        return self.set(key, self.get(key, 0) + amount)

    def add(self, key, item):
        return self.set(key, [*self.get(key, []), item])

    def add_unique(self, key, item):
        return self if item in self.get(key, []) else self.add(key, item)

    def remove(self, key, item):
        return self.set(key, [kept for kept in self.get(key, []) if kept != item])

    def clear(self):
        self._attributes.clear()
        return self

    def clone(self):
        return type(self)(**copy.deepcopy(self._attributes))

    def dump(self):
        return copy.deepcopy(self._attributes)

    def set_acl(self, acl):
        return self.set("ACL", acl)

    def get_acl(self):
        return self.get("ACL")

    def relation(self, key):
        return Relation(self, key)

    def is_new(self):
        return self.id is None

    def disable_before_hook(self):
        pass

    disable_after_hook = ignore_hook = disable_before_hook

    save = refusing("save")
    fetch = refusing("fetch")
    destroy = refusing("destroy")
    save_all = refusing_class_method("save_all")
    destroy_all = refusing_class_method("destroy_all")

    @property
    def query(self):
        return Query(type(self))


class Relation:
    """Rows that belong to a row."""

    def __init__(self, parent, key=None):
        self.parent = parent
        self.key = key

    add = refusing("add")
    remove = refusing("remove")

    @property
    def query(self):
        return Query(self.key)


class Query:
    """Takes conditions; every answer would need the storage."""

    def __init__(self, query_class=None):
        self.query_class = query_class

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *conditions, **options: self

    @classmethod
    def or_(cls, *queries):
        return cls()

    and_ = or_

    find = refusing("find")
    first = refusing("first")
    get = refusing("get")
    count = refusing("count")
    scan = refusing("scan")
    do_cloud_query = refusing_class_method("do_cloud_query")


class FriendshipQuery(Query):
    """Followers and followed."""


class InboxQuery(Query):
    """Statuses."""


class User(Object):
    """A user. The one of the call is `engine.current.user`."""

    _class_name = "_User"

    def __init__(self, **attributes):
        super().__init__(**attributes)
        self._session_token = None

    @classmethod
    def of_caller(cls, attributes, session_token):
        """The user whose session token came with the call."""
        user = cls(**attributes)
        user.id = attributes.get("objectId")
        user._session_token = session_token
        return user

    @classmethod
    def get_current(cls):
        from leancloud.engine import current

        return current.user

    @property
    def session_token(self):
        return self._session_token or self.get("sessionToken")

    def get_session_token(self):
        return self.session_token

    def get_username(self):
        return self.get("username")

    def get_email(self):
        return self.get("email")

    def get_mobile_phone_number(self):
        return self.get("mobilePhoneNumber")

    sign_up = refusing("sign_up")
    login = refusing("login")
    logout = refusing("logout")
    become = refusing_class_method("become")
    login_with = refusing_class_method("login_with")


class Role(Object):
    """A role of the storage."""

    _class_name = "_Role"

    def __init__(self, name=None, acl=None):
        super().__init__(name=name, ACL=acl)


class Installation(Object):
    """A device of the storage."""

    _class_name = "_Installation"


class Conversation(Object):
    """A conversation as a row of the storage. hooks name conversations by their ids."""

    _class_name = "_Conversation"

    send = refusing("send")
    broadcast = refusing("broadcast")
    add_member = refusing("add_member")


class SysMessage(Object):
    """A message to a service conversation as a row of the storage."""

    _class_name = "_SysMessage"


class Message:
    """Messages of the past."""

    find_by_conversation = refusing_class_method("find_by_conversation")
    find_by_client = refusing_class_method("find_by_client")
    find_all = refusing_class_method("find_all")


class Status:
    """A status of a user."""

    def __init__(self, **attributes):
        self.attributes = attributes

    send = refusing("send")
    send_to_followers = refusing("send_to_followers")


class File:
    """A file of the storage."""

    def __init__(self, name="", data=None, mime_type=None):
        self.name = name
        self.mime_type = mime_type
        self.url = None

    @classmethod
    def create_with_url(cls, name, url, meta_data=None, mime_type=None):
        made = cls(name, None, mime_type)
        made.url = url
        return made

    save = refusing("save")
    fetch = refusing("fetch")
    destroy = refusing("destroy")


class GeoPoint:
    """A place on the earth."""

    def __init__(self, latitude=0, longitude=0):
        self.latitude = latitude
        self.longitude = longitude

    def __eq__(self, other):
        return isinstance(other, GeoPoint) and (self.latitude, self.longitude) == (other.latitude, other.longitude)

    __hash__ = None


class ACL:
    """Who may read and write a row."""

    def __init__(self, permissions_by_id=None):
        self.permissions_by_id = permissions_by_id or {}

    def _set(self, who, permission, allowed):
        self.permissions_by_id.setdefault(str(getattr(who, "id", who)), {})[permission] = allowed

    def set_read_access(self, user_id, allowed):
        self._set(user_id, "read", allowed)

    def set_write_access(self, user_id, allowed):
        self._set(user_id, "write", allowed)

    def set_public_read_access(self, allowed):
        self._set("*", "read", allowed)

    def set_public_write_access(self, allowed):
        self._set("*", "write", allowed)

    def set_role_read_access(self, role, allowed):
        self._set(f"role:{getattr(role, 'name', role)}", "read", allowed)

    def set_role_write_access(self, role, allowed):
        self._set(f"role:{getattr(role, 'name', role)}", "write", allowed)

    def dump(self):
        return self.permissions_by_id

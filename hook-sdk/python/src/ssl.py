"""What programs name of the module `ssl`. The engine makes the connections, and always checks certificates."""

import enum


class SSLError(OSError):
    """Never raised."""


class SSLCertVerificationError(SSLError, ValueError):
    """Never raised."""


CertificateError = SSLCertVerificationError


class VerifyMode(enum.IntEnum):
    CERT_NONE = 0
    CERT_OPTIONAL = 1
    CERT_REQUIRED = 2


CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED = VerifyMode


class Purpose(enum.Enum):
    SERVER_AUTH = 1
    CLIENT_AUTH = 2


class TLSVersion(enum.IntEnum):
    TLSv1_2 = 771
    TLSv1_3 = 772


PROTOCOL_TLS = 2
PROTOCOL_TLS_CLIENT = 16
PROTOCOL_TLSv1_2 = 5
OPENSSL_VERSION = "none: the engine makes the connections"
OPENSSL_VERSION_INFO = (3, 0, 0, 0, 0)
HAS_SNI = True


class SSLContext:
    """Keeps what it is told. A certificate that is not valid is refused all the same."""

    def __init__(self, protocol=PROTOCOL_TLS_CLIENT):
        self.protocol = protocol
        self.verify_mode = CERT_REQUIRED
        self.check_hostname = True
        self.options = 0
        self.minimum_version = TLSVersion.TLSv1_2

    def load_default_certs(self, purpose=Purpose.SERVER_AUTH):
        pass

    def load_verify_locations(self, cafile=None, capath=None, cadata=None):
        pass

    def load_cert_chain(self, certfile, keyfile=None, password=None):
        raise SSLError("hooks cannot present a certificate of their own")

    def set_alpn_protocols(self, alpn_protocols):
        pass

    def set_ciphers(self, ciphers):
        pass


def create_default_context(purpose=Purpose.SERVER_AUTH, *, cafile=None, capath=None, cadata=None):
    return SSLContext()


_create_default_https_context = create_default_context


def _create_unverified_context(*arguments, **options):
    return SSLContext()

"""People's tokens, against a provider of our own that is asked over HTTPS."""

import json
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa

from kintsu.apps.api.identity import IdentityProvider
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.settings import Identity
from kintsu.core.errors import UsageError

KEY = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def issuer():
    """The address of a provider that publishes `KEY`, and whom to trust."""
    ca = trustme.CA()
    server_tls, client_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    ca.issue_cert("localhost").configure_cert(server_tls)
    ca.configure_trust(client_tls)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "one", "use": "sig"}

    class Provider(BaseHTTPRequestHandler):
        def do_GET(self):
            base = f"https://localhost:{self.server.server_port}"
            told = {"keys": [public]} if self.path == "/keys" else {"jwks_uri": f"{base}/keys"}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("localhost", 0), Provider)
    server.socket = server_tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_port}", client_tls
    server.shutdown()
    server.server_close()


@pytest.fixture
def provider(issuer):
    return IdentityProvider(Identity(issuer[0], "kintsu"), issuer[1])


@pytest.fixture
def token(issuer):
    def made(key=KEY, algorithm="RS256", **claims):
        told = {
            "iss": issuer[0], "aud": "kintsu", "sub": "7", "exp": datetime.now(UTC) + timedelta(minutes=5),
            "tenant": "acme", "roles": ["steward"], "email": "ann@example.org",
        }  # fmt: skip
        held = {name: value for name, value in (told | claims).items() if value is not None}
        return jwt.encode(held, key, algorithm, headers={"kid": "one"})

    return made


def test_a_token_tells_tenant_name_and_the_highest_role(provider, token):
    who = provider.principal(token(roles=["viewer", "engineer", "boss"]))
    assert (who.tenant, who.name, who.role) == ("acme", "ann@example.org", "engineer")
    assert provider.principal(token(roles="viewer", email=None)).name == "7"


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": OTHER},
        {"aud": "other"},
        {"iss": "https://evil.example"},
        {"exp": datetime.now(UTC) - timedelta(hours=1)},
        {"exp": None},
        {"key": "x" * 40, "algorithm": "HS256"},
    ],
)
def test_a_token_that_is_not_valid_is_refused(provider, token, wrong):
    with pytest.raises(Refused) as caught:
        provider.principal(token(**wrong))
    assert caught.value.status == 401


@pytest.mark.parametrize("wrong", [{"tenant": None}, {"tenant": "../acme"}, {"roles": []}, {"roles": ["boss"]}])
def test_a_token_without_tenant_or_role_lets_nobody_in(provider, token, wrong):
    with pytest.raises(Refused) as caught:
        provider.principal(token(**wrong))
    assert caught.value.status == 403


def test_a_provider_that_cannot_be_reached_is_told(token):
    with pytest.raises(Refused) as caught:
        IdentityProvider(Identity("https://localhost:1", "kintsu")).principal(token())
    assert caught.value.status == 503


def test_an_issuer_without_https_is_refused():
    with pytest.raises(UsageError, match="https"):
        IdentityProvider(Identity("http://example.org", "kintsu"))

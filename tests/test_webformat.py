"""What may stand in a web.config.file, and what is said where it may not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.webconfig import read
from exporter.webformat import ENTRIES
from tests.certificates import HASH, Authority
from tests.tries import tries

PAIR = "cert_file: server.pem\n  key_file: server.key\n"
CLIENTS = "client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"

Mistakes = Callable[[str], tuple[str, ...]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a server's certificate with its key, and the key of somebody else."""
    path = tmp_path_factory.mktemp("web")
    authority = Authority(path)
    authority.issue("server")
    authority.issue("other")
    (path / "folder").mkdir()
    return path


@pytest.fixture
def mistakes(folder: Path) -> Mistakes:
    """What is wrong with a file of this content; each line without the path before it."""

    def found(content: str) -> tuple[str, ...]:
        path = folder / "web.yml"
        path.write_text(content)
        attempt = read(path)
        assert (attempt.policy is None) == bool(attempt.mistakes)
        return tuple(line.removeprefix(f"{folder}/") for line in attempt.mistakes)

    return found


@pytest.mark.parametrize(
    "content",
    [
        "",
        "http_server_config:\n",
        "http_server_config: {}\n",
        f"tls_server_config:\n  {PAIR}",
        f"tls_server_config:\n  {PAIR}  {CLIENTS}  client_allowed_sans: [a.example, '::1']\n",
        (
            f"tls_server_config:\n  {PAIR}  client_auth_type: VerifyClientCertIfGiven\n"
            "  client_ca_file: ca.pem\n"
        ),
        (
            f"tls_server_config:\n  {PAIR}  min_version: TLS13\n  max_version: TLS13\n"
            "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n"
        ),
        (
            f"tls_server_config:\n  {PAIR}  cipher_suites:\n"
            "    - TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\n"
            "  prefer_server_cipher_suites: false\n  curve_preferences: [CurveP384]\n"
        ),
        (
            "http_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\n"
            "    X-XSS-Protection: ''\n    Strict-Transport-Security: max-age=31536000\n"
        ),
        f"basic_auth_users:\n  alice: {HASH}\n  bob: {HASH.replace('$2b$', '$2y$')}\n",
    ],
)
def test_files_that_are_right(mistakes: Mistakes, content: str) -> None:
    """What exporter-toolkit reads, as far as it is supported here."""
    assert mistakes(content) == ()


def test_pem_may_stand_in_the_file_itself(mistakes: Mistakes, folder: Path) -> None:
    """In place of each of the three files."""

    def inline(key: str, name: str) -> str:
        pem = (folder / name).read_text().replace("\n", "\n    ")
        return f"  {key}: |\n    {pem}\n"

    content = (
        "tls_server_config:\n"
        + inline("cert", "server.pem")
        + inline("key", "server.key")
        + inline("client_ca", "ca.pem")
        + "  client_auth_type: VerifyClientCertIfGiven\n"
    )
    assert mistakes(content) == ()


@pytest.mark.parametrize("nothing", ["", "{}", "{cert_file: , key_file: }"])
def test_tls_without_certificate_is_no_plain_http(mistakes: Mistakes, nothing: str) -> None:
    """A section that is there asks for TLS, however little of it is left."""
    missing = "is missing; TLS needs cert_file and key_file"

    found = mistakes(f"tls_server_config: {nothing}\n")
    assert len(found) == 2
    assert all(line.endswith(missing) for line in found)


@pytest.mark.parametrize("nothing", ["", "{}"])
def test_an_empty_list_of_users_lets_nobody_in(mistakes: Mistakes, nothing: str) -> None:
    """Least of all everybody."""
    [line] = mistakes(f"basic_auth_users: {nothing}\n")
    assert line == (
        "web.yml:1:1: basic_auth_users: has no user, so that everybody would be let in; "
        "add one, or remove the key"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: [", "web.yml:2:1: is not YAML"),
        ("- a", "web.yml:1:1: must be settings, one `key: value` a line"),
        ("tls_config: {}", ("web.yml:1:1: tls_config: is no setting of a web config file; "
         "did you mean tls_server_config?")),
        ("rate_limit: {burst: 1}", ("web.yml:1:1: rate_limit: is not supported; connections and "
         "password checks are limited already")),
        ("tls_server_config: [1]", ("web.yml:1:20: tls_server_config: must be a section, one "
         "`key: value` a line")),
        ("tls_server_config: {key_file: server.key}", ("web.yml:1:1: tls_server_config.cert_file: "
         "is missing; TLS needs cert_file and key_file")),
        (f"tls_server_config:\n  {PAIR}  certfile: x", ("web.yml:4:3: tls_server_config.certfile: "
         "is no setting of a web config file; did you mean cert_file?")),
        ("tls_server_config:\n  cert_file: nowhere.pem\n  key_file: server.key",
         "web.yml:2:14: tls_server_config.cert_file: cannot be read: it does not exist"),
        ("tls_server_config:\n  cert_file: server.pem\n  key_file: folder",
         "web.yml:3:13: tls_server_config.key_file: "),
        ("tls_server_config:\n  cert_file: server.pem\n  key_file: other.key",
         "web.yml:3:13: tls_server_config.key_file: is not the key of the certificate"),
        ("tls_server_config:\n  cert_file: server.key\n  key_file: server.key",
         "web.yml:2:14: tls_server_config.cert_file: holds no certificate in PEM"),
        ("tls_server_config:\n  cert_file: server.pem\n  key_file: server.pem",
         "web.yml:3:13: tls_server_config.key_file: holds no private key in PEM"),
        (f"tls_server_config:\n  {PAIR}  key: s3cret", ("tls_server_config.key: must be PEM text; "
         "a path belongs under the same key with _file")),
        (f"tls_server_config:\n  {PAIR}  key: '-----BEGIN s3cret'", ("key: stands beside "
         "key_file; keep one of them")),
        (f"tls_server_config:\n  {PAIR}  min_version: TLS11", ("web.yml:4:16: "
         "tls_server_config.min_version: is too old to be supported; use TLS12 or TLS13")),
        (f"tls_server_config:\n  {PAIR}  min_version: SSL3", "must be TLS12 or TLS13"),
        (f"tls_server_config:\n  {PAIR}  min_version: TLS13\n  max_version: TLS12",
         "tls_server_config.max_version: is older than min_version"),
        (f"tls_server_config:\n  {PAIR}  client_auth_type: RequireAnyClientCert",
         "would believe any certificate; use RequireAndVerifyClientCert"),
        (f"tls_server_config:\n  {PAIR}  client_auth_type: Require", ("must be NoClientCert, "
         "VerifyClientCertIfGiven or RequireAndVerifyClientCert")),
        (f"tls_server_config:\n  {PAIR}  client_auth_type: VerifyClientCertIfGiven",
         "client_auth_type: needs client_ca_file, the authorities to verify with"),
        (f"tls_server_config:\n  {PAIR}  client_ca_file: ca.pem",
         "client_ca_file: has no effect without client_auth_type"),
        ((f"tls_server_config:\n  {PAIR}  client_auth_type: VerifyClientCertIfGiven\n"
         "  client_ca_file: server.key"), "client_ca_file: holds no certificate in PEM"),
        (f"tls_server_config:\n  {PAIR}  client_allowed_sans: [a]",
         "client_allowed_sans: needs client_auth_type: RequireAndVerifyClientCert"),
        (f"tls_server_config:\n  {PAIR}  {CLIENTS}  client_allowed_sans: []",
         "client_allowed_sans: must be a list with something in it"),
        (f"tls_server_config:\n  {PAIR}  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]",
         "web.yml:4:19: tls_server_config.cipher_suites[0]: must be TLS_AES_128_GCM_SHA256, "),
        (f"tls_server_config:\n  {PAIR}  cipher_suites: [TLS_AES_128_GCM_SHA256]",
         "cipher_suites: has none for TLS 1.2; add one, or set min_version: TLS13"),
        (f"tls_server_config:\n  {PAIR}  curve_preferences: [X25519, CurveP256]",
         "curve_preferences: has several curves, which is not supported; keep one"),
        ("http_server_config: {http3: true}", "http_server_config.http3: is no setting"),
        ("http_server_config: {http2: maybe}", "http_server_config.http2: must be true or false"),
        ("http_server_config: {headers: {Server: me}}", ("web.yml:1:32: "
         "http_server_config.headers.Server: is no setting of a web config file")),
        ("http_server_config: {headers: {X-Frame-Options: no-way}}", "must be deny or sameorigin"),
        ("http_server_config: {headers: {X-Content-Type-Options: sniff}}", "must be nosniff"),
        ('http_server_config: {headers: {X-XSS-Protection: "a\\r\\nb"}}',
         "must be one line of ASCII"),
        ("basic_auth_users: {alice: s3cret}", ("web.yml:1:27: basic_auth_users.alice: is no bcrypt "
         "hash; make one with `htpasswd -nBC 10 USER`")),
        ("basic_auth_users: {alice: }", "basic_auth_users.alice: must be text, not nothing"),
        ("basic_auth_users: {'a:b': x}", 'is no name of a user: it is empty or has a colon'),
        (f"basic_auth_users: {{alice: '{HASH.replace('$04$', '$31$')}'}}", ("has a cost that is "
         "not 4 to 14; 10 takes about 70 ms")),
    ],
)  # fmt: skip
def test_mistakes_name_their_place_and_a_remedy(
    mistakes: Mistakes, content: str, expected: str
) -> None:
    """With file, line and column; what was given is not repeated."""
    [line] = mistakes(content)

    assert expected in line
    assert "s3cret" not in line


def test_all_mistakes_are_told_at_once(mistakes: Mistakes) -> None:
    """In the order of the file."""
    content = (
        "tls_server_config:\n  cert: x\n  min_version: 1\nbasic_auth_users:\n  a: b\nother: 1\n"
    )

    assert [line.split(": ")[0] for line in mistakes(content)] == [
        "web.yml:2:9",
        "web.yml:3:16",
        "web.yml:5:6",
        "web.yml:6:1",
    ]


def test_a_key_with_a_passphrase_is_refused_and_never_asks(
    mistakes: Mistakes, folder: Path
) -> None:
    """OpenSSL would ask on the terminal, and the exporter would stand still."""
    encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
    encrypted += f"DEK-Info: AES-128-CBC,{'0' * 32}\n\n{'A' * 64}\n-----END RSA PRIVATE KEY-----\n"
    (folder / "encrypted.key").write_text(encrypted)
    [line] = mistakes("tls_server_config: {cert_file: server.pem, key_file: encrypted.key}")

    assert line.endswith("key_file: is encrypted; give a key without a passphrase")


def test_every_key_of_the_toolkit_is_known() -> None:
    """Those of exporter-toolkit's docs/web-configuration.md; `rate_limit` is refused by name."""
    assert {f"{entry.section}.{entry.key}" for entry in ENTRIES} == {
        *(
            f"tls_server_config.{key}"
            for key in (
                "cert", "key", "client_ca", "cert_file", "key_file", "client_auth_type",
                "client_ca_file", "client_allowed_sans", "min_version", "max_version",
                "cipher_suites", "prefer_server_cipher_suites", "curve_preferences",
            )
        ),
        "http_server_config.http2",
        *(
            f"http_server_config.headers.{key}"
            for key in (
                "Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options",
                "X-XSS-Protection", "Strict-Transport-Security",
            )
        ),
        "basic_auth_users.<user>",
    }  # fmt: skip


NAMES = st.sampled_from([entry.key for entry in ENTRIES] + ["", "a", "alice", "http2"])
SECTIONS = st.sampled_from(
    ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit", "a"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([HASH, "server.pem", "server.key", "folder", "TLS13", "TLS12", "x" * 999,
                       "VerifyClientCertIfGiven", "nosniff", "2h", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
FILES = st.binary(max_size=80) | st.dictionaries(
    SECTIONS, st.dictionaries(NAMES, VALUES, max_size=4) | VALUES, max_size=3
).map(lambda tree: yaml.dump(tree).encode())


@tries(200)
@given(FILES)
def test_any_file_ends_in_a_policy_or_in_mistakes_that_keep_secrets(
    folder: Path, content: bytes
) -> None:
    """Nothing else is raised; each mistake names the file; no hash of a password is told."""
    path = folder / "any.yml"
    path.write_bytes(content)
    attempt = read(path)
    assert (attempt.policy is None) == bool(attempt.mistakes)
    assert all(mistake.startswith(f"{path}:") for mistake in attempt.mistakes)
    assert HASH not in f"{attempt}"

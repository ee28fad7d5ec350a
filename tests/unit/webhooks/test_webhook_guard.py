"""Which URLs and addresses webhooks may go to."""

from __future__ import annotations

import ipaddress

import pytest

from telecine.errors import ConfigurationError, ErrorCode
from telecine.webhooks.guard import check_address, check_url
from telecine.webhooks.settings import WebhookSettings

STRICT = WebhookSettings(allow_http=False, allow_private=False, expected_domains=())
LAX = WebhookSettings(allow_http=True, allow_private=True)

INSIDE = [
    "127.0.0.1",
    "127.9.9.9",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",  # CGNAT
    "198.18.0.1",  # benchmarking
    "192.0.2.1",  # documentation
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:10.0.0.1",  # IPv4-mapped
    "64:ff9b::10.0.0.1",  # NAT64
    "64:ff9b:1::192.168.0.1",  # NAT64, local use
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "::127.0.0.1",  # IPv4-compatible
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "169.254.169.254",
    "169.254.1.1",
    "168.63.129.16",
    "100.100.100.200",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
]


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101"])
def test_public_addresses_are_let_through(address: str) -> None:
    check_address(ipaddress.ip_address(address), STRICT)


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_the_house_need_a_configuration(address: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_address(ipaddress.ip_address(address), STRICT)
    assert refused.value.code is ErrorCode.WEBHOOK_REFUSED
    check_address(ipaddress.ip_address(address), LAX)


@pytest.mark.parametrize("rules", [STRICT, LAX], ids=["strict", "lax"])
@pytest.mark.parametrize("address", NEVER)
def test_metadata_link_local_and_group_addresses_are_refused_whatever_is_configured(
    address: str, rules: WebhookSettings
) -> None:
    with pytest.raises(ConfigurationError):
        check_address(ipaddress.ip_address(address), rules)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/", "not https"),
        ("ftp://example.com/", "starts with ftp"),
        ("example.com/hook", "no scheme"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://user:word@example.com/", "user or a password"),
        ("https://example.com:0/", "port"),
        ("https://example.com/a b", "blanks"),
        ("https://example.com/\n", "blanks"),
        ("https://example.com\\@10.0.0.1/", "backslashes"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://[::ffff:10.0.0.1]/", "not a public address"),
        ("https://localhost/", "not a public address"),
        ("https://LOCALHOST./", "not a public address"),
        ("https://a.localhost/", "not a public address"),
        ("https://169.254.169.254/latest/meta-data", "metadata"),
        ("https://example.com/" + "x" * 3_000, "longer"),
    ],
)
def test_urls_that_are_refused_say_why_and_never_repeat_their_path(url: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as refused:
        check_url(url, STRICT)
    assert "meta-data" not in refused.value.message
    assert "word" not in refused.value.message.replace("password", "")


def test_a_good_url_is_taken_apart() -> None:
    target = check_url("https://Hooks.Example.com:8443/in?token=1", STRICT)
    assert (target.scheme, target.host, target.port, target.path) == (
        "https",
        "hooks.example.com",
        8443,
        "/in?token=1",
    )
    assert target.authority == "hooks.example.com:8443"
    assert check_url("https://bücher.example/", STRICT).host == "xn--bcher-kva.example"
    assert check_url("http://[::1]:8000/x", LAX).authority == "[::1]:8000"


@pytest.mark.parametrize(
    ("host", "fine"),
    [
        ("example.com", True),
        ("a.b.example.com", True),
        ("hooks.partner.org", True),
        ("badexample.com", False),
        ("example.com.evil.net", False),
        ("partner.org", False),
    ],
)
def test_expected_domains_are_whole_domains(host: str, fine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELECINE_WEBHOOK_EXPECTED_DOMAINS", "example.com, .Hooks.Partner.org")
    rules = WebhookSettings()
    if fine:
        check_url(f"https://{host}/", rules)
    else:
        with pytest.raises(ConfigurationError, match="expected domains"):
            check_url(f"https://{host}/", rules)

"""The Python column of the fake's table: each call is made once, with what it must bring."""

import html
import http.client
import itertools
import pathlib
import re
import uuid
from urllib.parse import parse_qs, urljoin, urlsplit

from descope import AuthException, DeliveryMethod, LoginOptions, SignUpOptions

TABLE = pathlib.Path(__file__).resolve().parents[3] / "src/test_util/calls.md"
EMAIL, SMS = DeliveryMethod.EMAIL, DeliveryMethod.SMS
CODE = "123456"
BACK = "https://app.example.com/callback?state=a%26b"


def column(title):
    """The names in the column with this title, once each."""
    rows = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    index = cells[0].index(title)
    return {name for row in cells[2:] for name in re.findall(r"`([^`]+)`", row[index])}


def browse(url):
    """What a browser gets that follows no redirects: the status, where it should go, the page."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    response = connection.getresponse()
    return response.status, response.headers.get("Location"), response.read().decode()


def come_back(started, person):
    """Chooses a person at the identity provider; the code with which the browser comes back."""
    page = started["url"]
    status, _, text = browse(page)
    assert status == 200, text
    (link,) = re.findall(rf'<a href="([^"]*)">[^<]* <small>{person}<', text)
    status, location, text = browse(urljoin(page, html.unescape(link)))
    assert status == 302, text
    assert location.startswith(BACK), location
    assert parse_qs(urlsplit(location).query)["state"] == ["a&b"], location
    return parse_qs(urlsplit(location).query)["code"][0]


def every_call(check, sdk):
    """Makes each call of the column; `check` reports each."""
    ann = "ann@acme.test"

    def sign_in():
        sdk.otp.sign_in(EMAIL, ann)
        return sdk.otp.verify_code(EMAIL, ann, CODE)

    def refresh():
        return sign_in()["refreshSessionToken"]["jwt"]

    def new():
        # The SDK itself refuses addresses in reserved top-level domains at sign-up.
        return f"calls-{uuid.uuid4()}@example.com"

    numbers = itertools.count(1000)

    def phone():
        return f"+1202555{next(numbers)}"

    def expect(condition):
        assert condition

    def by_sms(act):
        number = phone()
        sdk.otp.sign_up_or_in(SMS, number)
        act(number)

    def verify_code():
        sign_in()
        by_sms(lambda number: expect(sdk.otp.verify_code(SMS, number, CODE)["user"]["phone"] == number))

    def signed_in(method, answer):
        claims = sdk.validate_session(answer["sessionToken"]["jwt"])
        assert claims["sub"] == "U2ann" and claims["amr"] == [method], claims
        assert sdk.me(answer["refreshSessionToken"]["jwt"])["userId"] == "U2ann"

    def expect_url(started, page):
        assert f"/idp/{page}?" in started["url"], started

    def google():
        return come_back(sdk.oauth.start("google", BACK), ann)

    def acme(door):
        return come_back(door.start("T2acme", BACK), ann)

    def exchange(door, method, code):
        signed_in(method, door.exchange_token(code))
        # A code works once.
        try:
            door.exchange_token(code)
        except AuthException as error:
            assert str(error.status_code) == "401", error
        else:
            raise AssertionError("not refused")

    def hinted():
        started = sdk.sso.start("ann@acme.test", BACK, login_hint=ann, force_authn=False)
        status, location, _ = browse(started["url"])
        assert status == 302 and "code=" in location, (status, location)
        started = sdk.sso.start("T2acme", BACK, LoginOptions(), login_hint=ann, force_authn=True)
        assert browse(started["url"])[0] == 200

    calls = {
        "oauth.start": lambda: expect_url(sdk.oauth.start("google", BACK), "google"),
        "oauth.exchange_token": lambda: exchange(sdk.oauth, "oauth", google()),
        "saml.start": lambda: expect_url(sdk.saml.start("T2acme", BACK), "sso"),
        "saml.exchange_token": lambda: exchange(sdk.saml, "fed", acme(sdk.saml)),
        "sso.start": hinted,
        "sso.exchange_token": lambda: exchange(sdk.sso, "fed", acme(sdk.sso)),
        "validate_session": lambda: expect(
            sdk.validate_session(sign_in()["sessionToken"]["jwt"])["sub"] == "U2ann"
        ),
        "refresh_session": lambda: expect("sessionToken" in sdk.refresh_session(refresh())),
        "validate_and_refresh_session": lambda: expect(
            "sessionToken" in sdk.validate_and_refresh_session("a.b.c", refresh())
        ),
        "select_tenant": lambda: expect(
            sdk.select_tenant("T2acme", refresh())["sessionToken"]["dct"] == "T2acme"
        ),
        "logout": lambda: sdk.logout(refresh()),
        "logout_all": lambda: sdk.logout_all(refresh()),
        "me": lambda: expect(sdk.me(refresh())["userId"] == "U2ann"),
        "my_tenants": lambda: expect(
            len(sdk.my_tenants(refresh(), ids=["T2acme"])["tenants"]) == 1
        ),
        "history": lambda: expect(len(sdk.history(refresh())) > 0),
        "exchange_access_key": lambda: expect(
            sdk.exchange_access_key("AK-demo-1")["keyId"] == "K2demo"
        ),
        "otp.sign_up": lambda: (
            sdk.otp.sign_up(EMAIL, new(), {"name": "New"}),
            sdk.otp.sign_up(SMS, phone(), {"name": "New"}),
        ),
        "otp.sign_in": lambda: (
            sdk.otp.sign_in(EMAIL, ann),
            by_sms(lambda number: sdk.otp.sign_in(SMS, number)),
        ),
        "otp.sign_up_or_in": lambda: (sdk.otp.sign_up_or_in(EMAIL, new()), by_sms(str)),
        "otp.verify_code": verify_code,
    }

    def named():
        assert set(calls) == column("Python"), (sorted(calls), sorted(column("Python")))

    check("the table names the calls that are made here", named)
    for name, call in calls.items():
        check(name, call)

    def refused(option, act):
        try:
            act()
        except AuthException as error:
            assert str(error.status_code) == "400", error
            assert "E990400" in str(error.error_message), error
            assert f"`loginOptions.{option}`" in str(error.error_message), error
        else:
            raise AssertionError("not refused")

    def options():
        for option, asked in [
            ("stepup", LoginOptions(stepup=True)),
            ("mfa", LoginOptions(mfa=True)),
            ("customClaims", LoginOptions(custom_claims={"a": 1})),
        ]:
            token = refresh()
            refused(option, lambda: sdk.otp.sign_in(EMAIL, ann, asked, token))
        revoke = SignUpOptions(revoke_other_sessions=True)
        refused("revokeOtherSessions", lambda: sdk.otp.sign_up_or_in(EMAIL, new(), revoke))

    check("an option that the fake does not know is refused by name", options)

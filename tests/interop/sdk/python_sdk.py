"""The official Python SDK, unmodified, against a running fake: contract 10.2 and 10.3.

Environment: FAKE_URL, PROJECT_ID, MODE (body | session-cookie | refresh-cookie | cookies),
ROTATION (on | off), LABEL; TOKENS and VERDICTS, both files, for the verdicts on the token list.
"""

import json
import os
import sys
import traceback
import uuid

from calls import every_call
from descope import AccessKeyLoginOptions, AuthException, DeliveryMethod, DescopeClient

URL = os.environ["FAKE_URL"]
PROJECT = os.environ["PROJECT_ID"]
MODE = os.environ["MODE"]
ROTATION = os.environ["ROTATION"] == "on"
LABEL = "python " + os.environ["LABEL"]

# In these modes the SDK finds the token somewhere: it reads a session from the body only, a refresh
# token from the body or the cookie `DSR`.
SESSION_SEEN = MODE in ("body", "refresh-cookie")
CODE = "123456"
EMAIL = DeliveryMethod.EMAIL

failures = 0


def check(name, act):
    """Runs one check; any exception is its failure."""
    global failures
    try:
        act()
        print(f"PASS {LABEL}: {name}")
    except Exception:  # noqa: BLE001
        failures += 1
        print(f"FAIL {LABEL}: {name}")
        traceback.print_exc(file=sys.stdout)


def refused(status, code, act):
    try:
        act()
    except AuthException as error:
        assert str(error.status_code) == str(status), error
        assert code in str(error.error_message), error
    else:
        raise AssertionError("not refused")


def client():
    return DescopeClient(PROJECT, base_url=URL)


def sign_in(login_id="ann@acme.test"):
    sdk = client()
    sdk.otp.sign_in(EMAIL, login_id)
    answer = sdk.otp.verify_code(EMAIL, login_id, CODE)
    return sdk, answer, answer["refreshSessionToken"]["jwt"]


def expect_session(answer, dct):
    assert ("sessionToken" in answer) == SESSION_SEEN, sorted(answer)
    if SESSION_SEEN:
        session = answer["sessionToken"]
        assert session.get("dct") == dct, session
        assert session["drn"] == "DS" and session["iss"] == PROJECT, session
        return session["jwt"]
    return None


def sign_up():
    sdk = client()
    # The SDK itself refuses addresses in reserved top-level domains at sign-up.
    login_id = f"py-{uuid.uuid4()}@example.com"
    masked = sdk.otp.sign_up(EMAIL, login_id, {"name": "New"})
    assert masked == "p*****", masked
    refused(401, "E061102", lambda: sdk.otp.verify_code(EMAIL, login_id, "000000"))
    answer = sdk.otp.verify_code(EMAIL, login_id, CODE)
    assert answer["firstSeen"] is True, answer
    assert answer["user"]["name"] == "New", answer
    expect_session(answer, None)
    refused(400, "E062107", lambda: sdk.otp.sign_up(EMAIL, login_id, {"name": "New"}))


def sign_in_unknown():
    refused(400, "E062108", lambda: client().otp.sign_in(EMAIL, "nobody@nowhere.test"))


def validate():
    sdk, answer, refresh = sign_in()
    session = expect_session(answer, None)
    if session:
        claims = sdk.validate_session(session)
        assert claims["sub"] == "U2ann", claims
        assert sdk.validate_tenant_roles(claims, "T2acme", ["owner"])
        assert sdk.validate_tenant_permissions(claims, "T2acme", ["invoice.write"])
        assert not sdk.validate_tenant_roles(claims, "T2beta", ["owner"])
        assert sdk.validate_roles(claims, ["staff"])
        both = sdk.validate_and_refresh_session(session, refresh)
        assert both["sub"] == "U2ann", both
    # Made up by the SDK, which asks nobody.
    refused(500, "", lambda: sdk.validate_session("a.b.c"))


def select_and_refresh():
    sdk, _, first = sign_in()
    answer = sdk.select_tenant("T2acme", first)
    expect_session(answer, "T2acme")
    assert ("refreshSessionToken" in answer) == ROTATION, sorted(answer)
    newest = answer["refreshSessionToken"]["jwt"] if ROTATION else first
    if ROTATION:
        assert answer["refreshSessionToken"]["dct"] == "T2acme"
        assert newest != first
    answer = sdk.refresh_session(newest)
    expect_session(answer, "T2acme")
    refreshed = answer["refreshSessionToken"]["jwt"]
    assert (refreshed == newest) != ROTATION
    answer = sdk.validate_and_refresh_session("a.b.c", refreshed)
    expect_session(answer, "T2acme")


def select_refused():
    sdk, _, refresh = sign_in()
    for tenant in ("T2none", "t2acme"):
        refused(403, "E990403", lambda tenant=tenant: sdk.select_tenant(tenant, refresh))
    refused(400, "E011002", lambda: sdk.select_tenant("", refresh))
    # A refusal costs nothing.
    sdk.select_tenant("T2beta", refresh)


def reuse():
    sdk, _, first = sign_in()
    newest = sdk.refresh_session(first)["refreshSessionToken"]["jwt"]
    if ROTATION:
        refused(400, "E064006", lambda: sdk.refresh_session(first))
        refused(400, "E064006", lambda: sdk.refresh_session(newest))
    else:
        sdk.refresh_session(first)


def profile():
    sdk, _, refresh = sign_in()
    me = sdk.me(refresh)
    assert me["userId"] == "U2ann" and me["email"] == "ann@acme.test", me
    assert sdk.my_tenants(refresh, dct=True) == {"tenants": []}
    chosen = sdk.my_tenants(refresh, ids=["T2acme", "T2none"])["tenants"]
    assert [(t["id"], t["name"]) for t in chosen] == [("T2acme", "Acme")], chosen
    answer = sdk.select_tenant("T2beta", refresh)
    refresh = answer["refreshSessionToken"]["jwt"] if ROTATION else refresh
    active = sdk.my_tenants(refresh, dct=True)["tenants"]
    assert [t["id"] for t in active] == ["T2beta"], active
    history = sdk.history(refresh)
    assert history[0]["userId"] == "U2ann", history
    assert history[0]["selectedTenant"] == "T2beta", history


def logout():
    sdk, _, refresh = sign_in()
    other, _, other_refresh = sign_in()
    sdk.logout(refresh)
    refused(401, "E064001", lambda: sdk.refresh_session(refresh))
    other_refresh = other.refresh_session(other_refresh)["refreshSessionToken"]["jwt"]
    other.logout_all(other_refresh)
    refused(401, "E064001", lambda: other.refresh_session(other_refresh))


def access_key():
    sdk = client()
    answer = sdk.exchange_access_key("AK-demo-1")
    assert answer["keyId"] == "K2demo", answer
    assert "refreshSessionToken" not in answer
    options = AccessKeyLoginOptions(custom_claims={"k": 1}, selected_tenant="T2acme")
    answer = sdk.exchange_access_key("AK-demo-1", login_options=options)
    session = answer["sessionToken"]
    assert session["dct"] == "T2acme" and session["nsec"] == {"k": 1}, session
    refused(401, "E062803", lambda: sdk.exchange_access_key("AK-wrong"))
    other = AccessKeyLoginOptions(selected_tenant="T2beta")
    refused(403, "E990403", lambda: sdk.exchange_access_key("AK-demo-1", login_options=other))


def verdicts(tokens, target):
    sdk = client()
    found = {}
    for entry in tokens:
        try:
            sdk.validate_session(entry["token"])
            found[entry["name"]] = {"accepts": True, "why": ""}
        except Exception as error:  # noqa: BLE001 - the kind of error is part of the verdict
            why = f"{type(error).__name__}: {error}"
            found[entry["name"]] = {"accepts": False, "why": why}
    with open(target, "w", encoding="utf-8") as file:
        json.dump(found, file, indent=2)
    for entry in tokens:
        note, accepts = entry["expect_sdk_note"], found[entry["name"]]["accepts"]
        expected = "all accept" in note or "Python does not check" in note
        assert accepts == expected, entry["name"]


check("sign-up by one-time code", sign_up)
check("sign-in of an unknown user", sign_in_unknown)
check("validate", validate)
check("select, refresh, the selection survives", select_and_refresh)
check("select refused", select_refused)
check("a reused refresh token", reuse)
check("me, my tenants, history", profile)
check("logout, logout everywhere", logout)
check("access key", access_key)
if "TOKENS" in os.environ:
    every_call(check, client())
    with open(os.environ["TOKENS"], encoding="utf-8") as source:
        TOKEN_LIST = json.load(source)
    check(
        f"verdicts on {len(TOKEN_LIST)} tokens",
        lambda: verdicts(TOKEN_LIST, os.environ["VERDICTS"]),
    )
sys.exit(1 if failures else 0)

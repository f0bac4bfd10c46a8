//! The signature examples of RFC 7515 (appendix A), RFC 7520 (sections 4 and 6) and RFC 8037
//! (appendix A.4), re-created: header and payload are encoded here, and what the RFC signed must be
//! what comes of it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{material::decode, *};

/// One example. Most have no `kid`, which our keys must have, so each key is given one; nothing of
/// a key is signed.
struct Example {
    name: &'static str,
    jwk: Value,
    header: &'static str,
    payload: &'static str,
    signature: &'static str,
}

const JOE: &str =
    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
const HOBBITON: &str =
    r#"{"iss":"hobbiton.example","exp":1300819380,"http://example.com/is_root":true}"#;
const ROAD: &str = "It\u{2019}s a dangerous business, Frodo, going out your door. You step onto the \
                    road, and if you don't keep your feet, there\u{2019}s no knowing where you might \
                    be swept off to.";

const A2_N: &str = concat!(
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-",
    "Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-",
    "pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-",
    "bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-",
    "UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-",
    "DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
);
const A2_SIG: &str = concat!(
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-",
    "0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--",
    "f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--",
    "xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLI",
    "hWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
);
const BILBO_N: &str = concat!(
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-",
    "XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-",
    "QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lF",
    "HpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-",
    "tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw",
);
const S4_1: &str = concat!(
    "MRjdkly7_-",
    "oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PND",
    "i84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8w",
    "W1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQ",
    "SE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
);
const S4_2: &str = concat!(
    "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-",
    "tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdi",
    "NAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE",
    "5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifK",
    "o8DYM-X72Eaw",
);
const S6_N: &str = concat!(
    "kNrPIBDXMU6fcyv5i-QHQAQ-K8gsC3HJb7FYhYaw8hXbNJa-t8q0lDKwLZgQXYV-ffWxXJv5GGrlZE4GU52lfMEe",
    "gTDzYTrRQ3tepgKFjMGg6Iy6fkl1ZNsx2gEonsnlShfzA9GJwRTmtKPbk1s-hwx1IU5AT-AIelNqBgcF2vE5W25_",
    "SGGBoaROVdUYxqETDggM1z5cKV4ZjDZ8-lh4oVB07bkac6LQdHpJUUySH_Er20DXx30Kyi97PciXKTS-",
    "QKXnmm8ivyRCmux22ZoPUind2BKC5OiG4MwALhaL2Z2k8CsRdfy-7dg7z41Rp6D0ZeEvtaUp4bX4aKraL4rTfw",
);
const S6: &str = concat!(
    "dPpMqwRZxFYi1UfcDAaf8M99o7kwUWtiXZ-",
    "ByvVuJih4MhJ_aZqciprz0OWaIAkIvn1qskChirjKvY9ESZNUCP4JjvfyPS-nqjJxYoA5ztWOyFk2cZNIPXjcJXS",
    "QwXPO9tEe-",
    "v4VSqgD0aKHqPxYog4N6Cz1lKph1U1sYDSI67_bLL7elg_vkjfMp5_W5l5LuUYGMeh6hxQIaIUXf9EwV2JmvTMuZ",
    "-vBOWy0Sniy1EFo72CRTvmtrIf5AROo5MNliY3KtUxeP-SOmD-",
    "LEYwW9SlkohYzMVAZDDOrVbv7KVRHpeYNaK75KEQqdCEEkS_rskZS-Qtt_nlegTWh1mEYaA",
);

fn rsa(alg: &str, n: &str) -> Value {
    json!({"kty": "RSA", "kid": "a", "alg": alg, "use": "sig", "n": n, "e": "AQAB"})
}

fn ec(alg: &str, crv: &str, x: &str, y: &str) -> Value {
    json!({"kty": "EC", "kid": "a", "alg": alg, "crv": crv, "x": x, "y": y})
}

fn load(jwk: &Value) -> Result<VerifyingKey, &'static str> {
    VerifyingKey::from_jwk(&serde_json::from_value(jwk.clone()).unwrap())
}

fn examples() -> [Example; 6] {
    [
        Example {
            name: "RFC 7515 A.2",
            jwk: rsa("RS256", A2_N),
            header: r#"{"alg":"RS256"}"#,
            payload: JOE,
            signature: A2_SIG,
        },
        Example {
            name: "RFC 7515 A.3",
            jwk: ec(
                "ES256",
                "P-256",
                "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            ),
            header: r#"{"alg":"ES256"}"#,
            payload: JOE,
            signature: concat!(
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-K",
                "g6NU1Q",
            ),
        },
        Example {
            name: "RFC 7520 4.1",
            jwk: rsa("RS256", BILBO_N),
            header: r#"{"alg":"RS256","kid":"bilbo.baggins@hobbiton.example"}"#,
            payload: ROAD,
            signature: S4_1,
        },
        Example {
            name: "RFC 7520 4.2",
            jwk: rsa("PS384", BILBO_N),
            header: r#"{"alg":"PS384","kid":"bilbo.baggins@hobbiton.example"}"#,
            payload: ROAD,
            signature: S4_2,
        },
        Example {
            name: "RFC 7520 6, the inner JWS",
            jwk: rsa("PS256", S6_N),
            header: r#"{"alg":"PS256","typ":"JWT"}"#,
            payload: HOBBITON,
            signature: S6,
        },
        Example {
            name: "RFC 8037 A.4",
            jwk: json!({
                "kty": "OKP", "kid": "a", "alg": "EdDSA", "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            }),
            header: r#"{"alg":"EdDSA"}"#,
            payload: "Example of Ed25519 signing",
            signature: concat!(
                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_M",
                "uM0KAg",
            ),
        },
    ]
}

#[test]
fn what_the_rfcs_signed_verifies_with_their_keys_and_with_no_other() {
    let examples = examples();
    for one in &examples {
        let input = [one.header, one.payload].map(|part| URL_SAFE_NO_PAD.encode(part));
        let input = input.join(".");
        let signature = decode(one.signature).unwrap();
        for other in &examples {
            let key = load(&other.jwk).unwrap();
            assert_eq!(
                key.verify(input.as_bytes(), &signature),
                one.name == other.name,
                "{} with the key of {}",
                one.name,
                other.name
            );
        }
        let key = load(&one.jwk).unwrap();
        assert!(one.header.contains(key.algorithm()), "{}", one.name);
        let changed = input.replacen("ey", "eY", 1);
        assert!(!key.verify(changed.as_bytes(), &signature), "{}", one.name);
    }
}

/// RFC 7515 A.4 and RFC 7520 4.3 are ES512, which neither backend's jsonwebtoken verifies and
/// Descope does not use.
#[test]
fn examples_in_es512_have_no_key_here() {
    for (x, y) in [
        (
            concat!(
                "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxc",
                "WceqwQGk",
            ),
            concat!(
                "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf6",
                "3e3kyMj2",
            ),
        ),
        (
            concat!(
                "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYg",
                "CF5cj0Kt",
            ),
            concat!(
                "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGf",
                "P-HqHZR1",
            ),
        ),
    ] {
        assert_eq!(
            load(&ec("ES512", "P-521", x, y)).unwrap_err(),
            "unsupported alg"
        );
        for alg in ["ES256", "ES384"] {
            assert_eq!(
                load(&ec(alg, "P-521", x, y)).unwrap_err(),
                "crv does not fit alg"
            );
        }
    }
}

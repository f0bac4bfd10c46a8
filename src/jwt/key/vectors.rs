//! Public keys and signatures of [`MESSAGE`], made once with OpenSSL; the private keys are gone.

/// The text that is signed.
pub(super) const MESSAGE: &[u8] = b"header.payload";

/// A 2048-bit modulus, with e = 65537.
pub(super) const RSA_N: &str = concat!(
    "tM6c_7lN4msA6GAcj0HRdESYXzqRSqep0zXjKdSHoWjL5KP2rzTUE3NB5tmZ3iXT5vs2gMx82R7R0WJh45Gb01T1",
    "ucNFnqNkR5Zf0cfo9B3XoZAbTmCXPihsq4jUdHmP0vltvplWekv5v9y2XLx9nLp262zuiFU761NhcpFRp2IEPZFC",
    "osWYxUOD3yxTSvSsXJLYlIHIJICMn72Cc5fvDFiKKs817dU7-pwYMVHHsIXiD10UmPo4R_bGm1fXcmI_GQ-uHMJ5",
    "RECX_w4AkhEzAYdhEllujmRQ73wai9iRFohpYyiXqULr7shEPXNCvw2Rlo20VRIUs_kazSM7BQDRxw",
);
pub(super) const RS256: &str = concat!(
    "FIbo6870cSgGWMssKqr-sQn0f8x-xSBH7pnAK8WsDqPTuCLw2vA8-qJJDwZ-71hbImfCak2vTq5uIVFMd21UXfLO",
    "fkfmJaf-nr962T2NS01RJbhTT--z7ezUrtwDE7zUvHYFX4EtRjytHJRL1pGZkA7q4YMBwqtUWaKyrVMLthHltlhK",
    "ZUJ6J1rgvUaZPG5AY9mrCCCwMzHOkNP_dWZ4B-W6yGf_-LCXzVM7BTrlCUfkpht6iaXNhsFzC2uf65s9VC5Gc1n_",
    "mBB-gW_fQIo-fGxFMI0IdTUXeEVyJAHK2TUYy2mcz0OTnAu0nro_2_cu2LAg_NREMQs3XMveRcUYCw",
);
pub(super) const RS384: &str = concat!(
    "ggBvhnZ6Vm7htutIQnj0IhOLo-1vb2eDkYF6_f5EqmQZHXPHAtQG_Hli3mxx_0g9xPgf1COsgVPwfqqIVES0yWDy",
    "BBVX1yLAaY4at6uqKL0jyADTqfeEPMkjHlJpSmguPeDXcvTdNrp6QfeSyF2XONrVxzD8f7HASXYWnH_63FsTd3XS",
    "IkWNxlZEbz8VfDe0eXydxCSGKmEOKHPPrv0_ziBJwfta_BdrJeZsCuTTEI9hw_fdobSBev475hntDOCQoVG6ahuM",
    "P9UHtUYiY54n_wbVrM5eFUlCZDtgPVqevXsRzLOUT6600Iich6ues3pQXxVjneGyGRRoXqjD1_f38w",
);
pub(super) const RS512: &str = concat!(
    "dq71-R0g3U1D7cswhdK-5rgy58spKBtmfFNv036nwQYBgQvir_sQUISH90Sla0nqvUONMW18WPranguxDVV3gXfl",
    "ATusz8CEwiRAbqwU895VGVJ71SxsMLo4Pow24-zDbyESWVvBDHdTSZwKDw6c3H-0BMcINi4vVgOa6wJcb-OhWiKq",
    "b27_f27-2Txua2HimafaPoW4Dt6-cTUPqA5-WD7EWp8LWFXVSCkfF3BuL0Jdf6t4QbYciNhVHdoLGZrJb0KMffzV",
    "1PEL-AatgLTvdyPSpl8PtU4z1iLQLBJVaRXWxpK4U9NcoXkwfpj8siiOcbHcwRBYhVw6UFxOysfWXA",
);
pub(super) const PS256: &str = concat!(
    "WSwaZ7CxfF6lExRKEo3iO0tT9Y_NVXds50dwy2JYdh9L_kCDys4w7ine0Y7BdpR3SPbVss-yKAQ9ittLhYWENIOn",
    "vE1FViB27-8e2k9SFJUIxdz7c-wClU8a0KhZU4eeiASZIYTleXfRV7v4AX6XoX6Ul8gH5rNzsgXwQ5BNMpbGkEgJ",
    "ABzBtU1-hBoTS-eSypr7QUFDOza-yJOO8XJ1zWl5pIHgRztiHh-UExpVp58x4isjanvvHZEgzIEvNKDskyU13Cyg",
    "LqUi5c9MPZSQ_kuUpeqRnv4Xye6EKPyBAuzVPWH6IeX5gZSPd3XkUaajzU-kxten5wMOPQ2eYaXp3Q",
);
pub(super) const PS384: &str = concat!(
    "J6cIIWw5nVD-4Gg0FWSkz7pup5SuLjmztiEz5ugr8PufCj7M266OWya4ng2jxXIyPGX1Dci5Yb1kizf86QDJgOTV",
    "0V0MxpsYk9fcJjVFm1k43olSQ54SMPTpxtiNtwf-MkbOMqh9nxE34vQiIlz_UQBojno21V3PE_8uVNNkCapCU3PN",
    "xfvQ-_3cTcHS4HsHfiyGCEDl3UJ7BatQOsRBKYL_olbHDOtOyUw3NzfpvPqvyHc65PWqJdG_u37MxKoKuDcVLUZ7",
    "vjYwPnUOP7QS5g8al1dWYufDDr6r8b15UwgdSeRZxv0xaRSHdN7ZYlngjTHpqCaELtcPwAzG8y5Baw",
);
pub(super) const PS512: &str = concat!(
    "eV2zwzppK_FjEYJmHwCO1SA-E-a_PbS6XIL_Q1n3kqATNdeyGU8P9_pxnc-zBq4VofXB-aBr1e3gJQZBoVtl41wv",
    "snCiHUcHEOqGt0RZ9K5k716_gE2GB3e-TxcfbhLwZkcl0F5v89tTSNLCv8SXBZM9qoao7hOE4JY049t3-czT9qtt",
    "cc2GfR1kynP9TesyvaH5_gGK_dw3OyeT1ZAssCRdl2hxpSBPxJKExQRnQHFv0DlsdJkJgpGUlFfjrlf3tH95QxQf",
    "ky8duexMprIO7YZggxJPK6VCV79uMsEVmQRlSykG4aOM2ojNGyFvWX12_T3F3NQC36e-TuZR4iuOvQ",
);
/// As `PS256`, but with a salt of 64 bytes, which RFC 7518 section 3.5 does not allow.
pub(super) const PS256_LONG_SALT: &str = concat!(
    "RJVKAh7g_LXoaU4UxUQPi-Ts0X0n8ywvz6MGCtD3fXBthXQAPN8A1kiY9gkxaJD2zBo00EXAxw3UbY0s9WWmjk4q",
    "ZZ1HbYN0cpgb6gluugPdOMSJ83Rw5NpCwshPxaz1zsYxnH-miC5Hpuy8FVCTNrxMdlsTwOs9aPJKScu2IUXMwnqc",
    "mifg3lVG3ChRkRvskF9uM9PL0VmBgMI1HQMO2tPO9OBLfPby7lDAsG5Dn8VvWfWDl-x5hP3AMBLgGt3iZ3rlROxI",
    "mofRRJT1QGzvlhAdDWd9NeHpeqje1lt3Cm3GMH8n28fTVTdororfBh_1Kuk4yrmUdVALX660xYEt0g",
);
/// As `PS256`, but with SHA-384 in the mask.
pub(super) const PS256_OTHER_MGF: &str = concat!(
    "PLR2xVwK9n5f-6sv_HWzykSTAba5u9JTdtEJiDMKwp1d3Ot1hJkKwH9Y2d0mbdSgqP7Xs0hDAK6ecjxmHQmXdYqG",
    "zgZkmGTqhOWHPBGCMbfTEkuQsB28boJX_jo9POgTKVTPazZAsqKTF_UJUtYTwqCmHzbo4OGUa7Anx_GGI6z0UneX",
    "4VtS6dgMsbWCN8jUk3ZeLPWRAUxMZVHwLyYxsoHvNS6gVm14HDvkgSc6KHd0Q7SAb4QHqU51Yi3eLO8xeJMH7in8",
    "OF_DZWYRI80ji1cUevbZy2V0ZoVlYo8Yr8_PR8pWPUCAVhZqmMkSYE5YsaTUgs_WQZ5WXy5XkFnFQQ",
);
/// A modulus with e = 3.
pub(super) const E3_N: &str = concat!(
    "1aesAW5lWJSiAjEzFkXqjG0ETv_px5ihNAT39a8i74wBzQk8F2Ezl5ON-CyG1m_ALEU5aDiAhIdrwu3l4lMBs15J",
    "p9t_Hr3vCNkynn0YwjiFJ1-BFfBNnj4IqBIwPYLcc2iOi481bkIlh-5S6VIqlGTnpZbMaCYona1rIeyoWRMJDPB_",
    "pX3eORUElnPehQEswQ_RxiEDYEP7_wlGa4s6vycKEA-iEHIDDJ7mSpTQSuPK9iVcUOOvI4FF2or2lS5Cpj1tpatB",
    "OoHOxgSY2HNrRcI4syEc9x9uibSYZPveo_yYaNT5CJifW_H__HE3lQplRa7zbjLxGAtwwa80qUSsTQ",
);
pub(super) const E3_RS256: &str = concat!(
    "M8hbS-T0bl-jyqzaCrjp_0gq0luyDt66IfQiWASQLrp0GNFxdGO3tTOdmhGmVnndGMH7P8KkteY4EaAxUWsUqt0F",
    "ZdL4ge_0rTEtGKCtgiUZUlKGp7l6KjDXMWEW7VYsqfUjVhheLZAyxHXg3olcjGp9ekEo3FNsH0sn15I5yc0_4gj6",
    "PquRE8VdKGwIjHBS4jNvnXMiuh8HCFgpTnyBqd0SbyCRWmiGruJVn_S4hPOaw59ACkO7Po7twc8CFU40qB_1YehN",
    "kTREI9auLiawqtAVMhFW1WaEFJw6pkyx1NDulu-lNNydOk51kcmhLIfdCS8sdJrW5Sk4rA-N6YtNMw",
);
/// A modulus with e = 2^33 - 1.
pub(super) const E_MAX_N: &str = concat!(
    "jxcglFNlIEh5xP6sDxcy543oly1GJyl8imsU6CsD130QqM97W4TOcIlktEY-ZtpLD598hTyd7ONdFy_vDf7hJ-RM",
    "82r437JniVe-0QdHNdkT4fa0pkSPy354-4qxV3YS9IjbdApJEPwX5nbMylpnkmkATRbNVlBpXPll4GF8gYNkQ-nm",
    "JbPKcRLHCSuQ46akz3pR4smOc1wnhGnT_IH7rz_tRyM44vwsgGAdZk-rGVuRgEt29Gus9HaqNjHjrxNRHAG7cMMh",
    "EtccQ-NPnLd2aC75iGA2oG_H2b6TjexssVgpNsAbh83Ds1xXGaA-xpB2WoMN_L4HX5XEnEHt7ClrTQ",
);
pub(super) const E_MAX_RS256: &str = concat!(
    "Jo3ge3BV-518lMbN14cRMWjNgt3nlfTXejD0F1y4nzTDNpUo9un-bKEIgnQ6i8Ot739XKS1WROLtIAioilUeDEku",
    "m2HR7AXUZuJggzX5PHtIAdHw0Ku1FLLTWc1xYivvQyoUGdCcHmoS7po-qMcps47M2wWX7tUVnZx4E18BMSLxeIfH",
    "GImHLcEN3TBEMsCJyFri2iQMrbX1wbcF8LHu7KCcWsTKrSV74amaZl1pqh9v6yRopbC_1LerhWDUP1gKCz9cOBoK",
    "szZK_4ykGgj5JTRngUpDeNdnqaIdts6VyY2DcE0bTX9HsDTbMLVkHnyP2DjY79aHuE7idM60NhWJeQ",
);
/// A 4096-bit modulus, with e = 65537.
pub(super) const RSA4096_N: &str = concat!(
    "7uDohdvKcmRslTO0Pd0nCBZpymNqU0aTXKIkKyYNbQnC5goVg8rDftwnVVy26cg2Pm9h2AQaxWbjNbWKHrSM17a0",
    "r-67TBwNYfivjcLdOj2raJyi8WiS-MIVX9evcJz8TD_pskLXgseK7e735N6Bc8uyRYnrM6DpDF8QSzAZaX81_PgA",
    "9udFjYSbhLus8D4uGog1Y-ZzOvMosoXe1wLCquqK1EWkMdIydrbAS56LwbEka5Vdho8ZxGnHGIJHYu_k0HYNYuNo",
    "d0Wx9fqD43QOy4FAB4tB58Ly4REan-104vvDMwhdaKN0dnqITvIeZIdPvczmeK8QO1M8OvfjI3PFxeAm6L_s1776",
    "m1s8Eodl_FXJVkPQnck6d3iwSUYEPC4-Zf3oKbmXn-M1RwzWOMeloA59eJoSLQpWA1avameONxcC-Zov3Aj0i2IT",
    "79eC9WHRzgpHd5XD1XTMOammMcxZRnMOoGp1wsmnxzgpWQLubBLH6OryR1sxOxbX550f0pPJFS8ZMou2d8I75G5Q",
    "PruBaoBF1OR7dqPm6Rdvk0f5C2FC14ayYbG-tvy3rn83X5zEl5-QgJ9A1T4yl6N0T30wvQZYS1g0ENP7Jrov1OHx",
    "3Bts2FI0gugFPNa7f6A9NKBh8wXrblEYaKJ8QDqFSNZLJ-nN07Vyu3oyKZeHL4rxeRU",
);
pub(super) const RSA4096_RS256: &str = concat!(
    "OJHVMfBwhpD_mpOaqo9afv7VKNVEEKw00GsmGJVpnQN7fB30MD-h40QGxrIbAR_LVkuZf3w94NbHuzsM6Mb5rgVX",
    "xRN3rogl5pF_kSbTLlHdJdVnAXd2k3fsnS7Jpx-2DBLP-c2n3IU_WvWV8VtQPIX1RZvJYKuyUBte-u0EzN-j4ckW",
    "p2BwujGBe0dVbelTjUDYJxWncFjuZEaPlUMi_cIf_RBh50HfpwW9JgLxSc_ZP_jIPPtOvrOLI0Fd7_Viunjqeg_O",
    "y8KJjvj_Y7YEBky_p3ikWM1zVHXCdbcufjUInWWfZu88yO-Jx_85CBfkKtFUpP0ABK6U9FBREjIJUudamK3PgRjX",
    "c5XuvHVMdSBRXrpxyTcG0OWD2UJJLaxqtZH9ZOx_kSgU6eRzAHVYZbJx3lWoOJj79DW2jLr5g-7LpFQdbHJ_F1is",
    "6wVoKhChuN2iwuBiJWmaJeqEI_65pxSOGlXj5NPAsxsIVflNfIwIkY72BE36J6Uc715bXScFKOy73CpnrxPlN5vK",
    "f3TVAI8NSd3Luo2SRlUiP2kRf2YJ1MwCAcx1-Meb7WO046ymBfFrxSpc87yDgvOuyWffbZGSWClYh9jK7qbmdTLf",
    "XYi67mGVr4L17kloWT7epJBjDA_3jxlCrZHMI2IzaWD71ZuhAlB72UPky1wg4UVXRGA",
);
/// A point on P-256.
pub(super) const P256_X: &str = "4Umysg7bY09E_85CpP6VMM_4tO371B6tffIajp2yC2o";
pub(super) const P256_Y: &str = "uBLODiTne8MYI0RYTWyqr0YHlettsVbX3BMfMw5_IqU";
pub(super) const ES256: &str =
    "w44uDJ-q69liPGys2doJMqIozj80k3ZgdrDiCJhhpq0axyA9VzhlgG4-Iti7dFuMUwjmlEMMHB3nN6P2Mfwqpg";
/// The same signature in DER, which JOSE does not use.
pub(super) const ES256_DER: &str = concat!(
    "MEUCIQDDji4Mn6rr2WI8bKzZ2gkyoijOPzSTdmB2sOIImGGmrQIgGscgPVc4ZYBuPiLYu3RbjFMI5pRDDBwd5zej",
    "9jH8KqY",
);
/// A point on P-384.
pub(super) const P384_X: &str = "w-aUns56JVqpkLXlu2diphxHvhCdrdppcFGIpgNiKkSg0mk74DNhrAS0ZC6rAkb_";
pub(super) const P384_Y: &str = "90j3f5vGba7HCu8g1rL-3LuYxEJAoBpLFjn2T4LfxtUzVJzbWQWUIAvUWNIO_bpj";
pub(super) const ES384: &str = concat!(
    "GDmiRKlokOrxYb9Rt5amTFp-OdLoYOriT8kDsfb98F1uBRAH7EmWuaLsFkCZ8VnbB9eBUjoINtjvdJAX3nYw2rib",
    "8Tu6VPBSvZrcw79y-j6Sq68FmuJ8eOrj5g4oErrG",
);
/// A point on Ed25519.
pub(super) const ED25519_X: &str = "--0H-wXP6CNvj04jVUy7l3ZhQcf5pwdUUc0IZhpLQpM";
pub(super) const EDDSA: &str =
    "mgwX-WLpc7iGIalWVD2_0uoETO7JFjHV6AeFJgj7CzhSt6-TdjEVsBmgtriElVht63O4JzAO5OOuf5LpkqCLAw";

//! The fuzz targets, as tests.

tower_descope_fuzz::targets!(
    answer,
    claims,
    compact,
    config,
    cookie_header,
    cross_site,
    forwarded,
    header,
    key_set,
    real_tokens,
    return_to,
    select_form,
    select_json,
    set_cookie,
    signed,
    webhook_event,
);

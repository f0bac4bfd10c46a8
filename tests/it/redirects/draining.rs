//! What is under way when the process ends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use super::{Jar, back_of, builder, fake, lax};

#[tokio::test]
async fn draining_waits_for_a_way_back_whose_browser_has_gone() {
    let fake = fake().start().await;
    let descope = lax(&fake);
    let told = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&told);
    let service = builder(&descope)
        .on_signed_in(move |_| {
            counted.fetch_add(1, Relaxed);
        })
        .build()
        .unwrap()
        .at("/auth");
    let mut jar = Jar::default();
    let answer = jar.get(&service, "/auth/oauth/google").await;
    let path = format!(
        "{}&code={}",
        back_of(&answer, &fake),
        fake.oauth_code("google", "U1")
    );
    let exchange = "/v1/auth/oauth/exchange";
    fake.hang_path(exchange, true);
    let (mut browser, to) = (jar.clone(), service.clone());
    let way_back = tokio::spawn(async move { browser.get(&to, &path).await.status });
    fake.wait_for_calls(exchange, 1).await;
    way_back.abort();
    assert!(way_back.await.is_err());
    let drained = tokio::spawn(async move { descope.drain().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!drained.is_finished());
    fake.hang_path(exchange, false);
    drained.await.unwrap();
    assert_eq!(told.load(Relaxed), 1);
}

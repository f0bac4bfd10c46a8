//! A store that lies: nothing that it says makes a session, and nothing goes to Descope by its word.

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use zeroize::Zeroizing;

    use crate::{
        Descope, ErrorKind, RefreshToken, SharedState,
        client::RawAnswer,
        digest::Digest,
        shared::{
            envelope::AnswerBytes,
            memory::MemoryStore,
            record::{Attempt, Publication, RecordKind, RecordName},
            seal::Sealer,
            store::Store,
        },
        test_util::FakeDescope,
        token::SessionToken,
    };

    const REFRESH: &str = "/v1/auth/refresh";

    struct World {
        fake: FakeDescope,
        shared: SharedState,
        descope: Descope,
        token: RefreshToken,
    }

    impl World {
        async fn new() -> Self {
            let fake = FakeDescope::builder()
                .tenant("T1", "One")
                .user("ann@example.test", |user| user.id("U1").tenant("T1", |t| t))
                .user("bob@example.test", |user| user.id("U2").tenant("T1", |t| t))
                .start()
                .await;
            let shared = SharedState::in_memory();
            let builder = fake.descope_builder().shared_state(shared.clone());
            let descope = builder.build().unwrap();
            descope.warm_up().await.unwrap();
            let token = RefreshToken::new(fake.sign_in("ann@example.test").refresh_jwt());
            Self {
                fake,
                shared,
                descope,
                token,
            }
        }

        fn store(&self) -> &MemoryStore {
            self.shared.memory().unwrap()
        }

        fn name(&self) -> RecordName {
            let digest = Digest::of(self.token.expose()).unwrap();
            RecordName::new(RecordKind::Token, &digest)
        }

        /// Puts these bytes where the answer to the token is looked for.
        async fn lies(&self, sealed: Vec<u8>) {
            let answer = Publication {
                tokens: sealed.clone(),
                whole: sealed,
                keep: Duration::from_secs(60),
                age: Duration::ZERO,
                life: Duration::from_secs(3_600),
                delivered: false,
            };
            let attempt = Attempt::numbered(1);
            let store = self.store();
            store.publish(self.name(), attempt, &answer).await.unwrap();
        }

        /// An answer with these tokens, sealed for whoever shows `key` as the record `name`.
        fn sealed(&self, tokens: (&str, &str), key: &str, name: &[u8], secret: u8) -> Vec<u8> {
            let answer = RawAnswer {
                session_token: Some(SessionToken::new(tokens.0)),
                refresh_token: Some(RefreshToken::new(tokens.1)),
                ..RawAnswer::default()
            };
            let end = self.descope.now().date() + Duration::from_secs(600);
            let plain = AnswerBytes::of(&answer).with(None, Some(end)).unwrap();
            let sealer = Sealer::new(Zeroizing::new(vec![secret; 32]), Vec::new());
            sealer.seal(key, name, &plain.whole).unwrap()
        }

        async fn refuses(&self, lie: &str) {
            let refreshed = self.descope.refresh(&self.token).await;
            let session = refreshed
                .as_ref()
                .map(|it| it.session().user_id().to_string());
            let session = session.ok();
            let error = refreshed.expect_err(&format!("{lie}: {session:?}"));
            let kinds = [
                ErrorKind::SharedStateUnavailable,
                ErrorKind::UpstreamInvalid,
            ];
            assert!(kinds.contains(&error.kind()), "{lie}: {error:?}");
            assert!(!error.ends_session(), "{lie}");
            assert_eq!(self.fake.calls(REFRESH), 0, "{lie}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_opened_is_no_answer_and_nothing_is_sent() {
        let world = World::new().await;
        let bob = world.fake.sign_in("bob@example.test");
        let tokens = (bob.session_jwt(), bob.refresh_jwt());
        let (token, name) = (world.token.expose(), world.name().id);
        let good = world.sealed(tokens, token, &name, 0);
        for (lie, sealed) in [
            ("nothing", Vec::new()),
            ("noise", vec![7; 300]),
            ("huge", vec![7; 1 << 20]),
            ("plain tokens", tokens.1.as_bytes().to_vec()),
            ("cut off", good[..good.len() - 1].to_vec()),
            ("of another secret", world.sealed(tokens, token, &name, 1)),
            ("of another token", world.sealed(tokens, tokens.1, &name, 0)),
            (
                "of another record",
                world.sealed(tokens, token, &[9; 16], 0),
            ),
        ] {
            world.lies(sealed).await;
            world.refuses(lie).await;
            world.fake.clock().advance(Duration::from_secs(2));
        }
    }

    #[tokio::test]
    async fn what_descope_did_not_sign_for_this_user_is_no_session() {
        for lie in [
            "another user's",
            "another user's session",
            "another user's successor",
            "forged",
            "a session that has expired",
            "no session token",
            "no tokens",
        ] {
            // A new one for each: of some lies the successor is genuine, and kept.
            let world = World::new().await;
            let fake = &world.fake;
            let bob = fake.sign_in("bob@example.test");
            let ann = fake.sign_in("ann@example.test");
            let forged = fake.session("U1").active("T1").signed_by_stranger().token();
            let expired = fake.session("U1").active("T1").expired().token();
            let tokens = match lie {
                "another user's" => (bob.session_jwt(), bob.refresh_jwt()),
                "another user's session" => (bob.session_jwt(), ann.refresh_jwt()),
                "another user's successor" => (ann.session_jwt(), bob.refresh_jwt()),
                "forged" => (&*forged, ann.refresh_jwt()),
                "a session that has expired" => (&*expired, ann.refresh_jwt()),
                "no session token" => (ann.refresh_jwt(), ann.refresh_jwt()),
                _ => ("a.b.c", "d.e.f"),
            };
            let (token, name) = (world.token.expose(), world.name().id);
            world.lies(world.sealed(tokens, token, &name, 0)).await;
            world.refuses(lie).await;
        }
    }

    /// An answer as a replica leaves it is taken, so that the lies before are refused for what they are.
    #[tokio::test]
    async fn an_answer_of_this_project_for_this_user_is_taken() {
        let world = World::new().await;
        let ann = world.fake.sign_in("ann@example.test");
        let tokens = (ann.session_jwt(), ann.refresh_jwt());
        let sealed = world.sealed(tokens, world.token.expose(), &world.name().id, 0);
        world.lies(sealed).await;
        let answer = world.descope.refresh(&world.token).await.unwrap();
        assert_eq!(answer.session().user_id().as_str(), "U1");
        assert_eq!(world.fake.calls(REFRESH), 0);
    }
}

//! Which of jsonwebtoken's two backends checks signatures.
//!
//! jsonwebtoken has one provider for the whole process, and panics if both are compiled in and none
//! was installed. The one installed here asks a switch, so that rows on either backend can take
//! turns in one process. What the switch adds to a check is one load of a flag.

use std::sync::{
    Once,
    atomic::{AtomicBool, Ordering::Relaxed},
};

static RUST_CRYPTO: AtomicBool = AtomicBool::new(false);

/// Who does the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    AwsLc,
    RustCrypto,
    /// Of the peers that are on ring and have no choice.
    Ring,
}

impl Backend {
    pub fn name(self) -> &'static str {
        match self {
            Self::AwsLc => "aws-lc-rs",
            Self::RustCrypto => "RustCrypto",
            Self::Ring => "ring",
        }
    }

    /// Lets this backend check what comes next.
    pub fn choose(self) {
        RUST_CRYPTO.store(self == Self::RustCrypto, Relaxed);
    }
}

/// Installs the switch; to be called before the first token.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let first =
            v11::PROVIDER.install_default().is_ok() && v10::PROVIDER.install_default().is_ok();
        assert!(first, "another provider was installed");
    });
}

macro_rules! switch {
    ($module:ident, $jsonwebtoken:ident, $utils:ident) => {
        mod $module {
            use std::sync::{LazyLock, atomic::Ordering::Relaxed};

            use $jsonwebtoken::{
                Algorithm, DecodingKey,
                crypto::{CryptoProvider, JwtVerifier, aws_lc, rust_crypto},
                errors::Result,
            };

            pub(super) static PROVIDER: LazyLock<CryptoProvider> =
                LazyLock::new(|| CryptoProvider {
                    // Nothing is signed here but by the fake, which names its own.
                    signer_factory: aws_lc::DEFAULT_PROVIDER.signer_factory,
                    verifier_factory: verifier,
                    $utils: aws_lc::DEFAULT_PROVIDER.$utils.clone(),
                });

            fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
                let provider = if super::RUST_CRYPTO.load(Relaxed) {
                    &rust_crypto::DEFAULT_PROVIDER
                } else {
                    &aws_lc::DEFAULT_PROVIDER
                };
                (provider.verifier_factory)(algorithm, key)
            }
        }
    };
}

switch!(v10, jsonwebtoken_10, jwk_utils);
switch!(v11, jsonwebtoken, key_utils);

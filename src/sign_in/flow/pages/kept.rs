//! The pages that are at hand, and those that are being fetched: state, time and request in, a step out.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use tokio::sync::watch;

use crate::{clock::Now, error::Error, limiter::TokenBucket};

/// How long a page is served before it is asked for again.
const FRESH: Duration = Duration::from_secs(60);

/// How old a page counts as after it could not be fetched again: Descope is left alone for the rest.
const AGE_AFTER_FAILURE: Duration = Duration::from_secs(50);

/// How many pages are fetched at once.
const MAX_FETCHES: usize = 8;

/// When to ask again for one that is not among them: a fetch takes a fraction of that as a rule.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How many pages are kept.
const MAX_PAGES: usize = 256;

/// How many pages that are not at hand are asked for at once, and one more after each interval.
const MISSES: u32 = 30;
const MISSES_INTERVAL: Duration = Duration::from_secs(2);

/// The content of a page; `None`: there is no such page.
pub(super) type Content = Option<Bytes>;

/// The end of a fetch, for all who wait for it; `None` until then.
pub(super) type PageFetch = watch::Receiver<Option<Result<Content, PageRefusal>>>;

/// Why a page is not given.
#[derive(Clone, Copy, Debug)]
pub(super) enum PageRefusal {
    /// Too many that are not at hand are asked for; worth another try after this time.
    RateLimited(Duration),
    /// It cannot be fetched, and none is kept.
    Unavailable,
}

/// How a request for a page goes on.
pub(super) enum PageStep {
    Serve(Content),
    /// Somebody fetches it already.
    Join(PageFetch),
    Fetch(BegunFetch, PageFetch),
}

/// A fetch that counts as under way until it is ended, or dropped: by a panic, or with its runtime.
pub(super) struct BegunFetch {
    file: String,
    at: Now,
    ended: watch::Sender<Option<Result<Content, PageRefusal>>>,
}

/// All that is known of the pages: `MAX_PAGES` of them, and `MAX_FETCHES` fetches, at most.
pub(super) struct KeptPages {
    pages: HashMap<String, Page>,
    fetches: HashMap<String, PageFetch>,
    misses: TokenBucket,
}

struct Page {
    at: Now,
    content: Content,
}

impl KeptPages {
    pub(super) fn new() -> Self {
        Self {
            pages: HashMap::new(),
            fetches: HashMap::new(),
            misses: TokenBucket::new(MISSES, MISSES_INTERVAL),
        }
    }

    /// Says what a request does, and notes the fetch that it begins.
    pub(super) fn request(&mut self, file: &str, now: &Now) -> Result<PageStep, PageRefusal> {
        // One that was dropped has closed its channel, and nothing else: no `end` comes for it.
        self.fetches.retain(|_, fetch| fetch.has_changed().is_ok());
        let is_full = self.fetches.len() >= MAX_FETCHES;
        if let Some(page) = self.pages.get(file) {
            let is_fresh = now.since(&page.at) < FRESH;
            // Where somebody fetches it, or nobody may, the old one serves meanwhile.
            if is_fresh || is_full || self.fetches.contains_key(file) {
                return Ok(PageStep::Serve(page.content.clone()));
            }
        } else if let Some(fetch) = self.fetches.get(file) {
            return Ok(PageStep::Join(fetch.clone()));
        } else if is_full {
            return Err(PageRefusal::RateLimited(RETRY_AFTER));
        } else {
            self.misses.take(now).map_err(PageRefusal::RateLimited)?;
        }
        let (ended, fetch) = watch::channel(None);
        self.fetches.insert(file.to_owned(), fetch.clone());
        let begun = BegunFetch {
            file: file.to_owned(),
            at: *now,
            ended,
        };
        Ok(PageStep::Fetch(begun, fetch))
    }

    /// Notes the end of a fetch; returns what those who wait for it are to be told.
    pub(super) fn end(
        &mut self,
        begun: &BegunFetch,
        fetched: Result<Content, Error>,
    ) -> Result<Content, PageRefusal> {
        let file = begun.file();
        self.fetches.remove(file);
        let page = match (fetched, self.pages.get(file)) {
            (Ok(content), _) => Page {
                at: begun.at,
                content,
            },
            (Err(_), Some(old)) => old.after_failure(&begun.at),
            (Err(_), None) => return Err(PageRefusal::Unavailable),
        };
        let content = page.content.clone();
        self.keep(file, page);
        Ok(content)
    }

    fn keep(&mut self, file: &str, page: Page) {
        if self.pages.len() >= MAX_PAGES && !self.pages.contains_key(file) {
            let oldest = self.pages.iter().min_by_key(|(_, page)| page.at.mono);
            if let Some(oldest) = oldest.map(|(file, _)| file.clone()) {
                self.pages.remove(&oldest);
            }
        }
        self.pages.insert(file.to_owned(), page);
    }
}

impl BegunFetch {
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Tells the end to all who wait for it.
    pub(super) fn tell(self, end: Result<Content, PageRefusal>) {
        self.ended.send_replace(Some(end));
    }
}

impl Page {
    /// The same page, as it is kept where it could not be fetched again.
    fn after_failure(&self, now: &Now) -> Self {
        let younger = now.since(&self.at).saturating_sub(AGE_AFTER_FAILURE);
        Self {
            at: self.at.later(younger),
            content: self.content.clone(),
        }
    }
}

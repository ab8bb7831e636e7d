//! Work that is finished once it has begun.

use std::future::Future;

use stoa_core::Error;
use tracing::Instrument;

/// Carries work through, also when nobody waits for it any more.
///
/// # Errors
/// Those of the work, and `Internal` when it panics.
pub async fn through<T, Fut>(work: Fut) -> Result<T, Error>
where
    T: Send + 'static,
    Fut: Future<Output = Result<T, Error>> + Send + 'static,
{
    let work = work.in_current_span();
    #[expect(
        clippy::disallowed_methods,
        reason = "as long-lived as one request, counted among the requests under way, which shutdown waits for"
    )]
    let done = tokio::task::spawn(work).await;
    done.unwrap_or_else(|e| Err(Error::internal_error(e)))
}

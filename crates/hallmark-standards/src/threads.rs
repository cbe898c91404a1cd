//! The threads that parse and judge: with stacks large enough for the deepest source that is followed.

use std::sync::LazyLock;

use hallmark_python::limits as python_limits;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::limits;

static POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(limits::THREADS);
    ThreadPoolBuilder::new().num_threads(threads).stack_size(python_limits::PARSER_STACK_BYTES).build().ok()
});

/// Runs the work on those threads; what it spawns runs there too.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match &*POOL {
        Some(pool) => pool.install(work),
        // No threads to be had: slower, on the caller's stack, but an answer all the same.
        None => work(),
    }
}

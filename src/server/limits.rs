//! Limits of the process.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::debug;

/// Raises the soft limit of open files to the hard one: each HTTP connection is one. The
/// usual soft limit of 1,024 stands for programs that call `select`.
pub fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(cause) = setrlimit(Resource::Nofile, limit) {
        debug!(%cause, "the limit of open files stays as it is");
    }
}

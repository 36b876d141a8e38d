//! What may go wrong, and what to do then.

use crate::{MAX_NAME, MAX_TOPICS};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a file of topics is not opened. It is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error(
        "{0} is open in another process, and only one can have it: stop that, or choose another file"
    )]
    Locked(PathBuf),
    /// It is a file of something else.
    #[error("{0} is not a file of topics: choose another, or move it away")]
    Foreign(PathBuf),
    /// It was written by a later version of this crate.
    #[error(
        "{path} has the format {format}, and this version knows those up to {known}: use a newer version"
    )]
    Newer {
        /// Where it is.
        path: PathBuf,
        /// Its format.
        format: u64,
        /// The newest that is known.
        known: u64,
    },
    /// What is in it is not what was written.
    #[error(
        "{path} is damaged ({cause}): put a copy in its place, or move it away to begin without values"
    )]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// What was found.
        cause: String,
    },
    /// Its directory is not there.
    #[error("{0} cannot be made: its directory does not exist, and has to be created first")]
    NoDirectory(PathBuf),
    /// This user may not read and write it.
    #[error("{0} may not be read and written by this user: change its owner or permissions")]
    Denied(PathBuf),
    /// The system refuses something else.
    #[error("{path} cannot be opened: {cause}")]
    Io {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
}

impl StoreError {
    pub(crate) fn io(path: &Path, cause: io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            ErrorKind::NotFound => Self::NoDirectory(path),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Denied(path),
            // What redb says of a file that is none of its own.
            ErrorKind::InvalidData => Self::Foreign(path),
            _ => Self::Io { path, cause },
        }
    }

    pub(crate) fn of(path: &Path, cause: redb::Error) -> Self {
        match cause {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                Self::Locked(path.to_owned())
            }
            redb::Error::Io(cause) => Self::io(path, cause),
            redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TableDoesNotExist(_)
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::UpgradeRequired(_) => Self::Foreign(path.to_owned()),
            cause => Self::Damaged {
                path: path.to_owned(),
                cause: cause.to_string(),
            },
        }
    }
}

/// Why a topic is not saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// There are as many as may be.
    #[error("there are {MAX_TOPICS} topics in the store, which is as many as there may be")]
    TooMany,
    /// Its name is longer than [`MAX_NAME`] bytes.
    #[error("the name of a topic that is saved has at most {MAX_NAME} bytes")]
    NameTooLong,
}

/// Why what was put is not on the disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaveError {
    /// It could not be written, and will be tried again.
    #[error("topics are not saved: {0}")]
    Failed(String),
    /// What writes has panicked.
    #[error("topics are not saved: what writes them has ended")]
    Ended,
}

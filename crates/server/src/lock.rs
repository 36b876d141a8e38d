//! How mutexes are locked here.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is locked here is whole between any two of its changes, so a panic elsewhere spoils nothing.
pub fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

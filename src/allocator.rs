//! The server's allocator.
//!
//! A peer is some hundred allocations, made together with other peers' and freed at another time
//! than theirs. The system's allocator keeps most of that memory when the peers have gone;
//! jemalloc gives it back, and is quicker at it.

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// jemalloc's options, which it looks for under this name: a thread of its own returns what has
/// been unused for half a second, where by default nothing is returned until something is freed.
#[allow(
    unsafe_code,
    reason = "the symbol is jemalloc's own, and of the type it expects"
)]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static OPTIONS: &[u8; 59] = b"background_thread:true,dirty_decay_ms:500,muzzy_decay_ms:0\0";

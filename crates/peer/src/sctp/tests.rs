//! Two ends over a model network, with simulated time.

mod abuse;
mod calling;
mod closing;
mod delivery;
mod model;
mod once;
mod schedule;

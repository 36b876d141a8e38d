//! What a process of this machine has used, from /proc.

use std::fs;

/// Up to now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Processor time, user and system, in seconds.
    pub cpu: f64,
    /// Resident memory, in MiB.
    pub memory: f64,
    pub files: usize,
    pub threads: usize,
}

/// `None` where there is no such process, or no /proc.
pub fn of(process: &str) -> Option<Cost> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything. After it come the fields from the third on.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    Some(Cost {
        cpu: (number(14)? + number(15)?) / ticks,
        threads: number(20)? as usize,
        memory: number(24)? * rustix::param::page_size() as f64 / f64::from(1 << 20),
        files: fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count),
    })
}

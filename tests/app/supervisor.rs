//! What systemd is told of the program.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn systemd_is_told_that_it_serves_that_it_lives_and_that_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("notify");
    let socket = UnixDatagram::bind(&place).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let until = |expected: &str| {
        let mut told = [0; 256];
        loop {
            let length = socket.recv(&mut told).unwrap();
            let told = str::from_utf8(&told[..length]).unwrap();
            if told.lines().any(|line| line == expected) {
                return;
            }
        }
    };
    let mut program = Command::new(env!("CARGO_BIN_EXE_tickwire"))
        .current_dir(&folder)
        .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
        .env("LEPTOS_OUTPUT_NAME", "tickwire")
        .env("NOTIFY_SOCKET", &place)
        .env("WATCHDOG_USEC", "300000")
        .env_remove("WATCHDOG_PID")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("READY=1");
    until("WATCHDOG=1");
    until("WATCHDOG=1");
    let pid = Pid::from_child(&program);
    kill_process(pid, Signal::TERM).unwrap();
    until("STOPPING=1");
    assert!(program.wait().unwrap().success());
}

#[test]
fn the_unit_that_comes_with_it_is_one_and_exposes_little() {
    let unit = include_str!("../../deploy/tickwire.service");
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("tickwire.service");
    let program = env!("CARGO_BIN_EXE_tickwire");
    fs::write(&place, unit.replace("/usr/local/bin/tickwire", program)).unwrap();
    for arguments in [
        &["verify", "--man=no"][..],
        // In tenths: what systemd calls OK ends at 40.
        &["security", "--offline=yes", "--threshold=20", "--no-pager"],
    ] {
        let asked = Command::new("systemd-analyze")
            .args(arguments)
            .arg(&place)
            .output();
        let said = asked.expect("systemd-analyze: `scripts/setup` sets it up");
        let text = [said.stdout, said.stderr].map(|it| String::from_utf8(it).unwrap());
        assert!(said.status.success(), "{arguments:?}: {text:?}");
    }
}

//! Each command of the pages that say how to run it, each table of settings on them, and each metric.

use crate::check::run;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

const PAGES: [(&str, &str); 5] = [
    ("run", include_str!("../../docs/run.md")),
    ("tune", include_str!("../../docs/tune.md")),
    ("watch", include_str!("../../docs/watch.md")),
    ("secure", include_str!("../../docs/secure.md")),
    ("scale", include_str!("../../docs/scale.md")),
];

/// What all of a page may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a network of its own needs before, which a machine has; what stands in for other programs and for what
/// the whole machine is told, and looks at what they are given; and the end of what was left running.
const BEFORE: &str = r#"
set -euo pipefail
ip link set lo up
nft 'add table inet filter; add chain inet filter input { type filter hook input priority 0; }'
docker() {
  if [ "$1" = compose ]; then shift; [ "$1" = --file ] && [ -f "$2" ]; return; fi
  [ "$1" = run ] && [ "${@: -1}" = tickwire ]
}
kubectl() { if [ "$1" = apply ]; then [ "$2" = --filename ] && [ -f "$3" ]; fi; }
sysctl() {
  [ "$1" = -w ]; shift
  for setting; do local name=${setting%%=*}; [ -e "/proc/sys/${name//.//}" ]; done
}
ends() { kill $(jobs -p) 2>/dev/null || true; wait; }
trap ends EXIT
"#;

struct Block<'a> {
    language: &'a str,
    text: &'a str,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, block)) = rest.split_once("\n```") {
        let (language, block) = block.split_once('\n').unwrap();
        let (text, after) = block.split_once("\n```").expect("the end of a block");
        blocks.push(Block { language, text });
        rest = after;
    }
    blocks
}

/// As one script: what serves goes on behind what stands below it.
fn script(page: &str) -> String {
    let mut script = BEFORE.to_owned();
    for block in blocks(page) {
        let text = match block.language {
            "sh" => format!("{{\n{}\n}} < /dev/null", block.text),
            "sh server" => format!("{{\n{}\n}} < /dev/null > server.log 2>&1 &", block.text),
            _ => continue,
        };
        script.push_str(&text);
        script.push('\n');
    }
    script
}

/// The folder in which a reader of the page is: the program, and what it points at.
fn project(folder: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    symlink(root.join("deploy"), folder.join("deploy")).unwrap();
    fs::create_dir(folder.join("bin")).unwrap();
    let programs = [
        (
            Path::new(env!("CARGO_BIN_EXE_tickwire")).to_owned(),
            "tickwire",
        ),
        (root.join("end2end/.venv/bin/nats-server"), "nats-server"),
    ];
    for (from, name) in programs {
        assert!(from.exists(), "{from:?}: `scripts/setup` sets it up");
        symlink(from, folder.join("bin").join(name)).unwrap();
    }
}

#[tokio::test]
async fn each_command_of_the_pages_works() {
    let mut failed = Vec::new();
    for (name, page) in PAGES {
        let folder = tempfile::tempdir().unwrap();
        project(folder.path());
        let path = std::env::var("PATH").unwrap();
        let path = format!(
            "{}:{path}:/usr/sbin:/sbin",
            folder.path().join("bin").display()
        );
        let script = script(page);
        // A network of its own: every number is free there, and what is changed is nobody's.
        let running = Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--net",
                "--kill-child",
                "--fork",
                "bash",
                "-c",
                &script,
            ])
            .current_dir(&folder)
            .env("PATH", path)
            .env("LEPTOS_OUTPUT_NAME", "tickwire")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = timeout(PATIENCE, running).await.expect(name).unwrap();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let served = fs::read_to_string(folder.path().join("server.log"));
            failed.push((name, said, served.unwrap_or_default()));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn each_configuration_of_the_pages_can_be_used() {
    for (name, page) in PAGES {
        for block in blocks(page) {
            if block.language == "toml" {
                let output = run(&["check"], block.text);
                let told = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{name}: {told} in {}", block.text);
            }
        }
    }
}

/// Names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let words = text.split(|it| !is_part(it));
    words
        .filter(|it| it.starts_with("tickwire_") || it.starts_with("process_"))
        .map(|it| {
            let ends = ["_bucket", "_count", "_sum"];
            let mut ends = ends.iter().filter_map(|end| it.strip_suffix(end));
            ends.next().unwrap_or(it)
        })
        .collect()
}

#[test]
fn each_alert_and_each_metric_that_it_or_the_dashboard_names_is_described() {
    let page = include_str!("../../docs/watch.md");
    let alerts = include_str!("../../deploy/alerts.yml");
    let described = metrics(page);
    for text in [alerts, include_str!("../../docs/grafana.json")] {
        let unknown: Vec<_> = metrics(text).difference(&described).copied().collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
    let named = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let headings: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    assert_eq!(named.collect::<BTreeSet<_>>(), headings);
}

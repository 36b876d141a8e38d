//! What is in `deploy`: as far as it can be tried without the programs that it is for.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn ended(mut command: Command) -> Output {
    let output = command.output();
    let output = output.unwrap_or_else(|_| panic!("{command:?}: `scripts/setup` sets it up"));
    let texts = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    assert!(output.status.success(), "{command:?}: {texts:?}");
    output
}

fn in_project(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    ended(command)
}

#[test]
fn files_for_compose_and_kubernetes_are_what_those_take() {
    let compose = [
        "--builtin-schema",
        "vendor.compose-spec",
        "deploy/compose.yaml",
    ];
    in_project("end2end/.venv/bin/check-jsonschema", &compose);
    let kubernetes = ["--strict", "deploy/kubernetes.yaml"];
    in_project("end2end/.venv/bin/kubernetes-validate", &kubernetes);
}

#[test]
fn what_compose_mounts_is_there() {
    let compose = include_str!("../../deploy/compose.yaml");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let lines = compose.lines().map(str::trim);
    let mounts = lines.filter_map(|line| line.strip_prefix("- ").filter(|it| it.starts_with('.')));
    let mounts: Vec<_> = mounts.map(|it| it.split(':').next().unwrap()).collect();
    assert_eq!(mounts.len(), 5);
    for path in mounts {
        assert!(folder.join(path).exists(), "{path}");
    }
}

#[test]
fn prometheus_takes_its_files_and_calls_when_it_should() {
    in_project("promtool", &["check", "config", "deploy/prometheus.yml"]);
    in_project("promtool", &["test", "rules", "tests/app/alerts.yml"]);
}

#[test]
fn the_image_has_the_program_alone_and_a_user_without_rights() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    fs::create_dir_all(image.join("data")).unwrap();
    for name in ["tickwire", "ca-certificates.crt"] {
        fs::write(image.join(name), name).unwrap();
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/Containerfile");
    // Nothing of it stays on the machine.
    let buildah = |arguments: &[&str]| {
        let mut command = Command::new("buildah");
        let storage = |name| folder.path().join(name);
        command.args(["--storage-driver", "vfs"]);
        command
            .arg("--root")
            .arg(storage("root"))
            .arg("--runroot")
            .arg(storage("runroot"));
        command.args(arguments);
        ended(command)
    };
    let context = image.to_str().unwrap();
    buildah(&[
        "bud", "--format", "docker", "--tag", "tickwire", "--file", file, context,
    ]);
    let output = buildah(&["inspect", "--type", "image", "tickwire"]);
    let inspected: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let config = &inspected["Docker"]["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], serde_json::json!(["/tickwire"]));
    assert_eq!(
        config["Healthcheck"]["Test"],
        serde_json::json!(["CMD", "/tickwire", "health"])
    );
    assert_eq!(config["WorkingDir"], "/var/lib/tickwire");
    for port in ["8080/tcp", "8080/udp"] {
        assert!(config["ExposedPorts"].get(port).is_some(), "{config}");
    }
}

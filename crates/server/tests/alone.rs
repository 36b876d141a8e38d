//! What a program gets along that depends on this crate and on nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// A crate of which nothing is there but its dependency, with the versions that are locked here.
fn empty_crate(root: &Path) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("alone");
    fs::create_dir_all(path.join("src")).unwrap();
    let dependency = env!("CARGO_MANIFEST_DIR");
    let manifest = format!(
        "[package]\nname = \"alone\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\ntickwire-server = {{ path = {dependency:?} }}\n"
    );
    fs::write(path.join("Cargo.toml"), manifest).unwrap();
    fs::write(
        path.join("src/main.rs"),
        "use tickwire_server as _;\nfn main() {}\n",
    )
    .unwrap();
    fs::copy(root.join("Cargo.lock"), path.join("Cargo.lock")).unwrap();
    path
}

/// What cargo says, offline: what is locked has been fetched for this test.
fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .arg("--offline")
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_empty_crate_that_depends_on_this_one_gets_no_page_along() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let alone = empty_crate(&root);
    cargo(&alone, &["check"]);
    let tree = cargo(
        &alone,
        &[
            "tree",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--no-dedupe",
        ],
    );
    // Each as `name v1.2.3`, and where it is.
    let packages: BTreeSet<&str> = tree.lines().collect();
    let names: BTreeSet<&str> = tree.lines().filter_map(|it| it.split(' ').next()).collect();
    for unwanted in [
        "leptos",
        "leptos_axum",
        "sysinfo",
        "tikv-jemallocator",
        "tower-http",
    ] {
        assert!(!names.contains(unwanted), "{unwanted}");
    }
    // Itself is not among them.
    let count = format!("{} packages", packages.len() - 1);
    println!("tickwire-server brings {count}");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    assert!(
        readme.contains(&format!("it brings no Leptos, and {count} ")),
        "{count}"
    );
}

//! The first step of a release, on a copy of the last commit.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn in_copy(copy: &Path, program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(copy);
    for (name, value) in [
        ("GIT_AUTHOR_NAME", "Test"),
        ("GIT_AUTHOR_EMAIL", "test@example.com"),
        ("GIT_COMMITTER_NAME", "Test"),
        ("GIT_COMMITTER_EMAIL", "test@example.com"),
    ] {
        command.env(name, value);
    }
    command.output().unwrap()
}

#[test]
fn a_release_has_one_version_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let project = env!("CARGO_MANIFEST_DIR");
    let cloning = ["clone", "--quiet", project, copy.to_str().unwrap()];
    assert!(in_copy(folder.path(), "git", &cloning).status.success());
    let read = |name: &str| fs::read_to_string(copy.join(name)).unwrap();
    let prepare = |version: &str| {
        let output = in_copy(&copy, "scripts/release", &["prepare", version]);
        let said = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
        (output.status.success(), said.concat())
    };
    for (version, expected) in [("0.0.1", "is older"), ("next", "Expected a version")] {
        let (is_done, said) = prepare(version);
        assert!(!is_done && said.contains(expected), "{said}");
    }
    // Whatever was released last, there is something new.
    let changes =
        read("CHANGELOG.md").replacen("## Unreleased\n", "## Unreleased\n\n- It is new.\n", 1);
    fs::write(copy.join("CHANGELOG.md"), changes).unwrap();
    let (is_done, said) = prepare("98.7.6-rc.1");
    assert!(!is_done && said.contains("has changes"), "{said}");
    let committing = ["commit", "--quiet", "--all", "--message", "Something new"];
    assert!(in_copy(&copy, "git", &committing).status.success());
    let (is_done, said) = prepare("98.7.6-rc.1");
    assert!(is_done, "{said}");
    let manifest = read("Cargo.toml");
    assert_eq!(manifest.matches("98.7.6-rc.1").count(), 9);
    let locked = in_copy(
        &copy,
        "cargo",
        &["metadata", "--locked", "--offline", "--format-version=1"],
    );
    let told = String::from_utf8_lossy(&locked.stderr);
    assert!(locked.status.success(), "{told}");
    assert!(read("client/package.json").contains("\"version\": \"98.7.6-rc.1\""));
    assert!(read("deploy/kubernetes.yaml").contains("tickwire:98.7.6-rc.1"));
    let changes = read("CHANGELOG.md");
    assert!(
        changes.contains("## Unreleased\n\n## 98.7.6-rc.1 - 20"),
        "{changes}"
    );
    let tag = in_copy(&copy, "git", &["describe", "--exact-match"]);
    assert_eq!(tag.stdout, b"v98.7.6-rc.1\n");
    // Nothing is left to tell of.
    let (is_done, said) = prepare("98.7.7");
    assert!(
        !is_done && said.contains("nothing under Unreleased"),
        "{said}"
    );
}

//! Tests the direction of dependencies between crates.

use std::collections::BTreeSet;
use std::process::Command;

use bespoke_tests::root;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use contracts::stage::STAGES;

/// The layers below the stages, each with the workspace crates that its library may use.
const LAYERS: [(&str, &[&str]); 9] = [
    ("contracts", &[]),
    ("cost", &["contracts"]),
    ("effect", &[]),
    ("phrases", &["contracts"]),
    ("storage", &["contracts"]),
    ("policy", &["contracts", "storage"]),
    ("lifecycle", &["contracts", "storage", "policy", "transparency"]),
    ("outbound", &["policy"]),
    ("transparency", &["contracts", "storage"]),
];

/// The workspace crates that a stage's library may use.
const BELOW_STAGES: [&str; 7] = ["contracts", "cost", "phrases", "storage", "policy", "outbound", "transparency"];

/// The crates of the local program in dependency order. Each may use only the ones before it.
const LOCAL: [&str; 3] = ["runner", "server", "bespoke"];

/// Reads the workspace from its manifests, without external dependencies.
fn workspace() -> Metadata {
    MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("cargo reads the manifests")
}

fn members(workspace: &Metadata) -> BTreeSet<String> {
    workspace.packages.iter().map(|package| package.name.to_string()).collect()
}

fn stages() -> BTreeSet<String> {
    STAGES.iter().map(|row| row.stage.as_str().to_owned()).collect()
}

/// Returns whether a package belongs to the AWS SDK or adapts to AWS. `aws-lc` does not count, because it is cryptography
/// for rustls.
fn is_of_aws(package: &str) -> bool {
    let service = package.starts_with("aws-") && !package.starts_with("aws-lc-");
    service || package.starts_with("lambda_") || package == "bespoke-aws"
}

/// Returns the workspace crates that the library of `package` uses. Leaves out dev-dependencies and dependencies behind a
/// feature.
fn used_members(workspace: &Metadata, package: &str) -> BTreeSet<String> {
    let found = workspace.packages.iter().find(|candidate| candidate.name.as_str() == package);
    let package = found.unwrap_or_else(|| panic!("{package} is not a member of the workspace"));
    let of_library =
        package.dependencies.iter().filter(|found| found.kind == DependencyKind::Normal && !found.optional);
    let names: BTreeSet<String> = of_library.map(|dependency| dependency.name.clone()).collect();
    names.intersection(&members(workspace)).cloned().collect()
}

/// Fails if the library of `package` uses a workspace crate outside `allowed`.
fn assert_uses_only(workspace: &Metadata, package: &str, allowed: &[&str]) {
    let used = used_members(workspace, package);
    let forbidden: Vec<&String> = used.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
    assert!(forbidden.is_empty(), "{package} must not depend on {forbidden:?}");
}

/// Returns the names of all packages that cargo builds for `arguments`, except those for tests and build scripts. It runs
/// `cargo tree` for the chosen package, because `cargo metadata` would unify the features of all members.
fn built(arguments: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let output = command.args(arguments).output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("package names are UTF-8");
    tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn assert_builds_no_aws(arguments: &[&str]) -> BTreeSet<String> {
    let built = built(arguments);
    assert!(
        arguments.iter().any(|argument| built.contains(*argument)),
        "cargo tree {arguments:?} names no packages: {built:?}"
    );
    let services: Vec<&String> = built.iter().filter(|name| is_of_aws(name)).collect();
    assert!(services.is_empty(), "{arguments:?} builds {services:?}");
    built
}

#[test]
fn lower_layers_use_only_lower_layers() {
    let workspace = workspace();
    for (package, allowed) in LAYERS {
        assert_uses_only(&workspace, package, allowed);
    }
}

#[test]
fn lower_layers_do_not_build_aws_crates() {
    for (package, _) in LAYERS.into_iter().filter(|(package, _)| *package != "outbound") {
        assert_builds_no_aws(&["--package", package, "--no-default-features"]);
    }
}

#[test]
fn stages_use_neither_other_stages_nor_aws() {
    let workspace = workspace();
    for stage in stages() {
        assert!(used_members(&workspace, &stage).contains("contracts"), "{stage} was read");
        assert_uses_only(&workspace, &stage, &BELOW_STAGES);
        assert_builds_no_aws(&["--package", &stage, "--no-default-features"]);
    }
}

#[test]
fn functions_that_are_not_stages_do_not_build_aws_crates() {
    for function in ["start", "api", "deliver"] {
        assert_builds_no_aws(&["--package", function, "--no-default-features"]);
    }
}

#[test]
fn api_does_not_use_the_publish_stage() {
    // Review, recall and erasure belong to `lifecycle`.
    let used = used_members(&workspace(), "api");
    assert!(!used.contains("publish") && used.contains("lifecycle"), "{used:?}");
}

#[test]
fn local_crates_use_only_earlier_local_crates() {
    let workspace = workspace();
    let members = members(&workspace);
    for (index, package) in LOCAL.iter().enumerate() {
        // The runner and the server may still be modules of `bespoke`.
        if !members.contains(*package) {
            continue;
        }
        let used = used_members(&workspace, package);
        let later: Vec<&&str> = LOCAL[index..].iter().filter(|name| used.contains(**name)).collect();
        assert!(later.is_empty(), "{package} must not depend on {later:?}");
        assert!(!used.contains("bespoke-tests"), "{package} must not depend on the tests");
    }
    for package in members.iter().filter(|name| !LOCAL.contains(&name.as_str()) && *name != "bespoke-tests") {
        let used = used_members(&workspace, package);
        let local: Vec<&&str> = LOCAL.iter().filter(|name| used.contains(**name)).collect();
        assert!(local.is_empty(), "{package} must not depend on {local:?}");
    }
}

#[test]
fn command_builds_every_stage_but_no_aws_crates() {
    let built = assert_builds_no_aws(&["--package", "bespoke"]);
    assert!(stages().is_subset(&built), "{built:?}");
}

#[test]
fn aws_adapters_use_no_stage() {
    let used = used_members(&workspace(), "bespoke-aws");
    assert!(used.is_disjoint(&stages()), "{used:?}");
    assert!(!used.contains("lifecycle"), "{used:?}");
}

/// The packages that may use an HTTP client: `outbound`, whose client demands a permit for each request, and the command,
/// which downloads voices.
const HTTP: [&str; 2] = ["outbound", "bespoke"];

#[test]
fn only_the_client_that_demands_permits_can_send_customer_data() {
    for package in workspace().packages {
        let used =
            package.dependencies.iter().any(|found| found.kind == DependencyKind::Normal && found.name == "reqwest");
        assert!(!used || HTTP.contains(&package.name.as_str()), "{} must not depend on reqwest", package.name);
    }
}

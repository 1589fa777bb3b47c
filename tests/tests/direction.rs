//! The direction of dependence: `contracts` ← stages ← {mains with `aws`, `bespoke`, tests}.

use std::collections::BTreeSet;
use std::process::Command;

use bespoke_tests::root;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use contracts::stage::STAGES;

/// The workspace as its manifests declare it, without what it depends on.
fn workspace() -> Metadata {
    MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("metadata")
}

fn stages() -> BTreeSet<String> {
    STAGES.iter().map(|row| row.stage.as_str().to_owned()).collect()
}

/// Whether a package belongs to AWS or to our adapters to it. `aws-lc` does not: it is the cryptography of rustls.
fn is_of_aws(package: &str) -> bool {
    let service = package.starts_with("aws-") && !package.starts_with("aws-lc-");
    service || package.starts_with("lambda_") || package == "bespoke-aws"
}

/// What `package` declares for its library: neither for its tests alone, nor behind a feature.
fn declared(workspace: &Metadata, package: &str) -> BTreeSet<String> {
    let package = workspace.packages.iter().find(|p| p.name.as_str() == package).expect("a member of the workspace");
    let of_library = package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal && !d.optional);
    of_library.map(|dependency| dependency.name.clone()).collect()
}

/// The names of all packages that are built for `arguments`, their tests and build scripts left out. `cargo metadata`
/// joins the features of all members, so that the tree of a chosen one is asked for.
fn built(arguments: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let output = command.args(arguments).output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("names are UTF-8");
    tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn contracts_knows_no_service_and_no_stage() {
    let built = built(&["--package", "contracts"]);
    assert!(built.contains("serde_json"), "the tree was read: {built:?}");
    let forbidden: Vec<&String> = built.iter().filter(|name| is_of_aws(name) || stages().contains(*name)).collect();
    assert!(forbidden.is_empty(), "{forbidden:?}");
    assert!(!built.contains("bespoke"));
}

#[test]
fn a_stage_knows_no_other_stage_and_no_service() {
    let workspace = workspace();
    for stage in stages() {
        let declared = declared(&workspace, &stage);
        assert!(declared.contains("contracts"), "{stage}: {declared:?}");
        let own: BTreeSet<String> = workspace.packages.iter().map(|package| package.name.to_string()).collect();
        let others: Vec<&String> = declared.intersection(&own).filter(|name| *name != "contracts").collect();
        assert!(others.is_empty(), "{stage} depends on {others:?}");
        let built = built(&["--package", &stage, "--no-default-features"]);
        let services: Vec<&String> = built.iter().filter(|name| is_of_aws(name)).collect();
        assert!(services.is_empty(), "{stage} without features builds {services:?}");
    }
}

#[test]
fn what_starts_runs_and_what_answers_calls_know_no_service() {
    for function in ["start", "api", "deliver"] {
        let built = built(&["--package", function, "--no-default-features"]);
        assert!(built.contains("contracts"), "{function}: {built:?}");
        let services: Vec<&String> = built.iter().filter(|name| is_of_aws(name)).collect();
        assert!(services.is_empty(), "{function} without features builds {services:?}");
    }
}

#[test]
fn the_command_alone_builds_no_service_of_aws() {
    let built = built(&["--package", "bespoke"]);
    assert!(stages().is_subset(&built), "the command has every stage: {built:?}");
    let services: Vec<&String> = built.iter().filter(|name| is_of_aws(name)).collect();
    assert!(services.is_empty(), "{services:?}");
}

#[test]
fn the_adapters_know_no_stage() {
    let declared = declared(&workspace(), "bespoke-aws");
    assert!(declared.is_disjoint(&stages()), "{declared:?}");
}

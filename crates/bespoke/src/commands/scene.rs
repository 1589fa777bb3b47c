//! `bespoke scene`: checks and previews the scenes of a brand.

use std::fmt::Write as _;
use std::path::PathBuf;

use contracts::ErrorName;
use contracts::catalogue::{Catalogue, Product};
use contracts::media::Shape;
use render::preview::{Preview, SampleCustomer, SceneProblem, check_scenes, suffix};
use runner::config::Config;
use runner::failure::Failure;
use runner::programs::Programs;
use serde::Serialize;

use super::context::Context;
use crate::cli::tools::{SceneCommand, SceneFolders};

/// The maximum number of products in a preview, as in a video.
const MAX_PRODUCTS: usize = 3;

/// The output of `check`.
#[derive(Serialize)]
struct CheckReport {
    usable: bool,
    problems: Vec<SceneProblem>,
}

/// The output of `preview`.
#[derive(Serialize)]
struct PreviewReport {
    files: Vec<PathBuf>,
}

pub(super) fn execute(command: SceneCommand, config: &Config, context: Context) -> Result<u8, Failure> {
    match command {
        SceneCommand::Check(folders) => check(&folders, context),
        SceneCommand::Preview { products, shapes, name, no_film, out, folders } => {
            let shapes = if shapes.is_empty() { vec![Shape::Wide, Shape::Tall, Shape::Square] } else { shapes };
            let files = preview(&PreviewArgs { products, shapes, name, no_film, out, folders }, config)?;
            context.print(&PreviewReport { files: files.clone() }, || {
                files.iter().fold(String::new(), |mut text, file| {
                    let _infallible = writeln!(text, "{}", file.display());
                    text
                })
            });
            Ok(0)
        }
    }
}

fn read_catalogue(folders: &SceneFolders) -> Result<Catalogue, Failure> {
    let file = &folders.catalogue;
    let bytes = std::fs::read(file).map_err(Failure::file(ErrorName::ConfigInvalid, file))?;
    Ok(Catalogue::from_json(&bytes)?)
}

fn check(folders: &SceneFolders, context: Context) -> Result<u8, Failure> {
    let brand = runner::project::brand(&folders.assets)?;
    let catalogue = read_catalogue(folders)?;
    let problems = check_scenes(&folders.assets, &brand, &catalogue);
    let report = CheckReport { usable: problems.is_empty(), problems };
    context.print(&report, || {
        let mut text = String::new();
        for SceneProblem { shape, product, reason } in &report.problems {
            let product = product.as_ref().map(|id| format!("product {id}: ")).unwrap_or_default();
            let _infallible = writeln!(text, "{}: {product}{reason}", suffix(*shape));
        }
        if report.usable {
            let count = catalogue.products().len();
            let _infallible = writeln!(text, "{}: the scenes fit {count} products in all three shapes", brand.name);
        }
        text
    });
    Ok(if report.usable { 0 } else { ErrorName::ConfigInvalid.exit_code() })
}

/// The arguments of a preview.
struct PreviewArgs {
    products: Vec<String>,
    shapes: Vec<Shape>,
    name: String,
    no_film: bool,
    out: PathBuf,
    folders: SceneFolders,
}

fn preview(args: &PreviewArgs, config: &Config) -> Result<Vec<PathBuf>, Failure> {
    let brand = runner::project::brand(&args.folders.assets)?;
    let catalogue = read_catalogue(&args.folders)?;
    if args.products.len() > MAX_PRODUCTS {
        let message = format!("{} products, but a video has at most {MAX_PRODUCTS}", args.products.len());
        return Err(Failure::new(ErrorName::InputInvalidRequest, message, "use --product at most three times"));
    }
    let find = |id: &String| {
        let found = catalogue.products().iter().find(|product| product.id.as_str() == id);
        let message = || format!("the catalog has no product {id}");
        found
            .ok_or_else(|| Failure::new(ErrorName::InputInvalidRequest, message(), "use a product id from the catalog"))
    };
    let products: Vec<&Product> = args.products.iter().map(find).collect::<Result<_, _>>()?;
    std::fs::create_dir_all(&args.out).map_err(Failure::file(ErrorName::StoreUnavailable, &args.out))?;
    let customer = SampleCustomer { first_name: args.name.clone(), ..SampleCustomer::default() };
    let scratch = tempfile::tempdir_in(&args.out).map_err(Failure::file(ErrorName::StoreUnavailable, &args.out))?;
    let tools = Programs::find().media;
    let mut files = Vec::new();
    for shape in &args.shapes {
        let preview = Preview {
            assets: &args.folders.assets,
            brand: &brand,
            catalogue: &catalogue,
            products: &products,
            customer: &customer,
            shape: *shape,
            video: &config.settings.video,
        };
        files.extend(preview.stills(&args.out)?);
        if !args.no_film {
            files.push(preview.film_without_sound(&args.out, &tools, scratch.path())?);
        }
    }
    Ok(files)
}

//! Draws contact sheets for a brand: every scene in all three shapes, for several names, for visual checks.
//!
//! Usage: `cargo run -p render --no-default-features --example contact_sheet -- ASSETS OUT [RESOLUTION]`

#![expect(clippy::print_stdout, reason = "an example reports what it wrote")]

use std::error::Error;
use std::path::Path;

use contracts::brand::Brand;
use contracts::catalogue::{Catalogue, Product};
use contracts::media::Shape;
use contracts::settings::VideoSettings;
use render::preview::{Preview, SampleCustomer};

const SHAPES: [Shape; 3] = [Shape::Wide, Shape::Tall, Shape::Square];
const NAMES: [(&str, &str, Option<&str>); 5] = [
    ("short", "Jo", Some("Helen Marsh")),
    ("long", "Wolfeschlegelsteinhausen-Bergerdorff", Some("Maximiliana Featherstonehaugh-Cholmondeley")),
    ("cjk", "李娜", Some("王小明")),
    ("arabic", "عبد الرحمن", None),
    ("devanagari", "अनुष्का", Some("राजेश शर्मा")),
];
const PRODUCTS: [&[&str]; 5] = [
    &["travel-rewards-card", "high-yield-savings", "fixed-rate-mortgage"],
    &["guided-investing", "auto-loan", "merchant-services"],
    &["certificate-of-deposit", "everyday-checking"],
    &[],
    &["personal-loan", "wealth-planning", "trade-finance"],
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(assets), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: contact_sheet ASSETS OUT [RESOLUTION]".into());
    };
    let resolution = arguments.next().map_or(Ok(360), |text| text.parse())?;
    let assets = Path::new(&assets);
    let brand = Brand::from_toml(&std::fs::read_to_string(assets.join("brand.toml"))?)?;
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/catalogue.json");
    let catalogue = Catalogue::from_json(&std::fs::read(data)?)?;
    let video = VideoSettings { resolution, ..VideoSettings::default() };
    for shape in SHAPES {
        for ((label, first_name, adviser), ids) in NAMES.into_iter().zip(PRODUCTS) {
            let customer = SampleCustomer { first_name: first_name.to_owned(), adviser: adviser.map(str::to_owned) };
            let is_listed = |product: &&Product| ids.contains(&product.id.as_str());
            let products: Vec<&Product> = catalogue.products().iter().filter(is_listed).collect();
            let folder = Path::new(&out).join(label);
            std::fs::create_dir_all(&folder)?;
            let preview = Preview {
                assets,
                brand: &brand,
                catalogue: &catalogue,
                products: &products,
                customer: &customer,
                shape,
                video: &video,
            };
            for file in preview.stills(&folder)? {
                println!("{}", file.display());
            }
        }
    }
    Ok(())
}

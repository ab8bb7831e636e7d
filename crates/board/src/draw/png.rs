//! SVG → PNG.

use std::sync::{Arc, OnceLock};

use resvg::{tiny_skia, usvg};

/// The longest side of a picture, in pixels. 4096 × 4096 is 64 MiB while it is drawn.
const MAX_SIDE: f32 = 4096.0;

/// The fonts of the machine, read once. None are shipped: without any, pictures have no text (SVGs have).
fn fonts() -> Arc<usvg::fontdb::Database> {
    static FONTS: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    let load = || {
        let mut fonts = usvg::fontdb::Database::new();
        fonts.load_system_fonts();
        name_families(&mut fonts);
        tracing::info!(board.fonts = fonts.len(), "fonts for pictures of whiteboards");
        Arc::new(fonts)
    };
    FONTS.get_or_init(load).clone()
}

/// Lets the generic families mean fonts that are there.
fn name_families(fonts: &mut usvg::fontdb::Database) {
    let has = |fonts: &usvg::fontdb::Database, name: &str| {
        fonts.faces().any(|f| f.families.iter().any(|(family, _)| family == name))
    };
    let first = |wanted: &[&str], fonts: &usvg::fontdb::Database, mono: bool| {
        let wanted = wanted.iter().find(|name| has(fonts, name)).map(|name| (*name).to_owned());
        let any = || fonts.faces().find(|f| f.monospaced == mono).or_else(|| fonts.faces().next());
        wanted.or_else(|| any().and_then(|f| f.families.first().map(|(family, _)| family.clone())))
    };
    let sans = ["Noto Sans", "DejaVu Sans", "Liberation Sans", "Arial", "Helvetica", "Noto Sans CJK SC"];
    if let Some(name) = first(&sans, fonts, false) {
        fonts.set_sans_serif_family(name);
    }
    if let Some(name) = first(&["Noto Sans Mono", "DejaVu Sans Mono", "Liberation Mono"], fonts, true) {
        fonts.set_monospace_family(name);
    }
}

/// Draws an SVG of ours.
pub(super) fn render(svg: &str) -> Result<Vec<u8>, String> {
    let options = usvg::Options { fontdb: fonts(), font_family: "sans-serif".to_owned(), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|e| e.to_string())?;
    let (width, height) = (tree.size().width(), tree.size().height());
    let scale = (MAX_SIDE / width.max(height)).min(1.0);
    let side = |length: f32| (length * scale).round().clamp(1.0, MAX_SIDE) as u32;
    let mut pixels = tiny_skia::Pixmap::new(side(width), side(height)).ok_or("no memory for the picture")?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|e| e.to_string())
}

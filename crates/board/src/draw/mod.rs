//! A page as a picture: elements → SVG, and that → PNG.

mod element;
mod png;
mod svg;

use stoa_core::board::BoardImage;
use stoa_core::error::{Error, Result};
use yrs::Any;
use yrs::any::Number;

use element::Element;

pub(crate) fn number(n: &Number) -> f64 {
    match n {
        Number::Int(i) => *i as f64,
        Number::Float(f) => *f,
    }
}

/// Draws the elements of one page.
pub(crate) fn draw(elements: &[Any], image: BoardImage) -> Result<Vec<u8>> {
    let mut read: Vec<Element> = elements.iter().filter_map(Element::read).collect();
    read.sort_by(|a, b| (&a.index, &a.id).cmp(&(&b.index, &b.id)));
    element::bound(&mut read);
    let text = svg::page(&read);
    match image {
        BoardImage::Svg => Ok(text.into_bytes()),
        BoardImage::Png => png::render(&text).map_err(|e| Error::internal_error(format!("drawing a page: {e}"))),
    }
}

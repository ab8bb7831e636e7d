//! Elements → SVG text. Every number is formatted here, every text escaped, every colour checked before.

use std::fmt::Write as _;

use super::element::{Align, Element, Fill, Shape, Stroke};

/// Space around the elements, in pixels.
const MARGIN: f64 = 20.0;

/// The picture of an empty page.
const EMPTY: (f64, f64) = (320.0, 240.0);

/// Strokes longer than this are drawn without dashes: each dash is a path of its own.
const MAX_DASHED: f64 = 20_000.0;

/// A number with at most two decimals.
struct N(f64);

impl std::fmt::Display for N {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded = (self.0 * 100.0).round() / 100.0;
        write!(f, "{}", if rounded == 0.0 { 0.0 } else { rounded })
    }
}

/// Text inside of an element or an attribute. What XML cannot hold at all is left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' => out.push_str("    "),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out
}

/// A whole page. The elements come in the order they are drawn.
pub(super) fn page(elements: &[Element]) -> String {
    let bounds =
        elements.iter().map(Element::extent).reduce(|a, b| (a.0.min(b.0), a.1.min(b.1), a.2.max(b.2), a.3.max(b.3)));
    let (x, y, width, height) = match bounds {
        Some((l, t, r, b)) => (l - MARGIN, t - MARGIN, r - l + 2.0 * MARGIN, b - t + 2.0 * MARGIN),
        None => (0.0, 0.0, EMPTY.0, EMPTY.1),
    };
    let (x, y, width, height) = (N(x), N(y), N(width), N(height));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"{x} {y} {width} {height}\">\n\
         <rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (i, e) in elements.iter().enumerate() {
        element(&mut out, e, i);
    }
    out.push_str("</svg>\n");
    out
}

fn element(out: &mut String, e: &Element, number: usize) {
    let fill = fill(out, e, number);
    out.push_str("<g");
    if e.opacity < 1.0 {
        put(out, format_args!(" opacity=\"{}\"", N(e.opacity)));
    }
    if e.angle != 0.0 {
        let (l, t, r, b) = e.frame();
        let (cx, cy) = (N(f64::midpoint(l, r)), N(f64::midpoint(t, b)));
        put(out, format_args!(" transform=\"rotate({} {cx} {cy})\"", N(e.angle.to_degrees())));
    }
    out.push('>');
    match e.shape {
        Shape::Rectangle | Shape::Ellipse | Shape::Diamond => closed(out, e, &fill),
        Shape::Line | Shape::Arrow => line(out, e, &fill),
        Shape::Freedraw => freedraw(out, e, &fill),
        Shape::Text => text(out, e),
        Shape::Image => placeholder(out, e),
    }
    out.push_str("</g>\n");
}

fn put(out: &mut String, args: std::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    let _always = out.write_fmt(args);
}

/// The fill attribute; hatches are patterns that are defined first.
fn fill(out: &mut String, e: &Element, number: usize) -> String {
    let Some(colour) = &e.background else { return "none".to_owned() };
    if e.fill == Fill::Solid {
        return colour.clone();
    }
    let across = if e.fill == Fill::CrossHatch { "<path d=\"M0 4H8\"/>" } else { "" };
    put(
        out,
        format_args!(
            "<defs><pattern id=\"f{number}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><g stroke=\"{colour}\" stroke-width=\"{}\"><path d=\"M4 0V8\"/>{across}</g>\
             </pattern></defs>\n",
            N((e.stroke_width / 2.0).clamp(0.5, 3.0))
        ),
    );
    format!("url(#f{number})")
}

/// The attributes of a stroke of this length.
fn stroke(e: &Element, length: f64) -> String {
    let Some(colour) = &e.stroke else { return " stroke=\"none\"".to_owned() };
    let width = e.line_width();
    let mut out = format!(
        " stroke=\"{colour}\" stroke-width=\"{}\" stroke-linecap=\"round\" stroke-linejoin=\"round\"",
        N(width)
    );
    if length <= MAX_DASHED {
        match e.stroke_style {
            Stroke::Solid => {}
            Stroke::Dashed => put(&mut out, format_args!(" stroke-dasharray=\"8 {}\"", N(8.0 + width))),
            Stroke::Dotted => put(&mut out, format_args!(" stroke-dasharray=\"1.5 {}\"", N(6.0 + width))),
        }
    }
    out
}

fn closed(out: &mut String, e: &Element, fill: &str) {
    let (l, t, r, b) = e.frame();
    let (w, h) = (r - l, b - t);
    let (cx, cy) = (f64::midpoint(l, r), f64::midpoint(t, b));
    let stroke = stroke(e, 2.0 * (w + h));
    match e.shape {
        Shape::Ellipse => put(
            out,
            format_args!(
                "<ellipse cx=\"{}\" cy=\"{}\" rx=\"{}\" ry=\"{}\" fill=\"{fill}\"{stroke}/>",
                N(cx),
                N(cy),
                N(w / 2.0),
                N(h / 2.0)
            ),
        ),
        Shape::Diamond => put(
            out,
            format_args!(
                "<path d=\"M{} {}L{} {}L{} {}L{} {}Z\" fill=\"{fill}\"{stroke}/>",
                N(cx),
                N(t),
                N(r),
                N(cy),
                N(cx),
                N(b),
                N(l),
                N(cy)
            ),
        ),
        _ => {
            let radius = if e.round { (w.min(h) / 4.0).min(32.0) } else { 0.0 };
            put(
                out,
                format_args!(
                    "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" fill=\"{fill}\"{stroke}/>",
                    N(l),
                    N(t),
                    N(w),
                    N(h),
                    N(radius)
                ),
            );
        }
    }
}

fn length(points: &[(f64, f64)]) -> f64 {
    points.windows(2).map(|w| (w[1].0 - w[0].0).hypot(w[1].1 - w[0].1)).sum()
}

/// Straight pieces, or a curve through all points.
fn path(points: &[(f64, f64)], round: bool) -> String {
    let mut d = String::new();
    let Some((x, y)) = points.first() else { return d };
    put(&mut d, format_args!("M{} {}", N(*x), N(*y)));
    for i in 1..points.len() {
        let (a, b) = (points[i - 1], points[i]);
        if round && points.len() > 2 {
            // Catmull-Rom: at each point the curve runs parallel to the line between its neighbours.
            let before = points[i.saturating_sub(2)];
            let after = points[(i + 1).min(points.len() - 1)];
            let (c, e) = (
                (a.0 + (b.0 - before.0) / 6.0, a.1 + (b.1 - before.1) / 6.0),
                (b.0 - (after.0 - a.0) / 6.0, b.1 - (after.1 - a.1) / 6.0),
            );
            put(&mut d, format_args!("C{} {} {} {} {} {}", N(c.0), N(c.1), N(e.0), N(e.1), N(b.0), N(b.1)));
        } else {
            put(&mut d, format_args!("L{} {}", N(b.0), N(b.1)));
        }
    }
    d
}

fn line(out: &mut String, e: &Element, fill: &str) {
    if e.points.len() < 2 {
        return;
    }
    let length = length(&e.points);
    let looped = e.points.len() > 3 && e.points.first() == e.points.last();
    let fill = if looped { fill } else { "none" };
    let d = path(&e.points, e.round);
    put(out, format_args!("<path d=\"{d}\" fill=\"{fill}\"{}/>", stroke(e, length)));
    let n = e.points.len();
    if e.arrow_end {
        head(out, e, e.points[n - 2], e.points[n - 1]);
    }
    if e.arrow_start {
        head(out, e, e.points[1], e.points[0]);
    }
}

/// An open arrow head at `tip`.
fn head(out: &mut String, e: &Element, from: (f64, f64), tip: (f64, f64)) {
    /// Half the opening of a head.
    const HALF: f64 = 20.0 * std::f64::consts::PI / 180.0;
    let (dx, dy) = (tip.0 - from.0, tip.1 - from.1);
    let distance = dx.hypot(dy);
    let Some(colour) = e.stroke.as_ref().filter(|_| distance > 0.0) else { return };
    let size = 30f64.min(distance / 2.0).max(e.stroke_width * 2.0);
    let back = (-dx / distance * size, -dy / distance * size);
    let side = |angle: f64| {
        let (sin, cos) = angle.sin_cos();
        (tip.0 + back.0 * cos - back.1 * sin, tip.1 + back.0 * sin + back.1 * cos)
    };
    let (a, b) = (side(HALF), side(-HALF));
    put(
        out,
        format_args!(
            "<path d=\"M{} {}L{} {}L{} {}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\" \
             stroke-linecap=\"round\" stroke-linejoin=\"round\"/>",
            N(a.0),
            N(a.1),
            N(tip.0),
            N(tip.1),
            N(b.0),
            N(b.1),
            N(e.stroke_width)
        ),
    );
}

fn freedraw(out: &mut String, e: &Element, fill: &str) {
    let Some(colour) = &e.stroke else { return };
    match e.points.as_slice() {
        [] => {}
        [(x, y)] => put(
            out,
            format_args!(
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{colour}\"/>",
                N(*x),
                N(*y),
                N(e.line_width() / 2.0)
            ),
        ),
        points => {
            let looped = points.len() > 3 && points.first() == points.last();
            let fill = if looped { fill } else { "none" };
            put(
                out,
                format_args!("<path d=\"{}\" fill=\"{fill}\"{}/>", path(points, false), stroke(e, length(points))),
            );
        }
    }
}

fn text(out: &mut String, e: &Element) {
    let Some(colour) = &e.stroke else { return };
    let (l, t, r, _) = e.frame();
    let (x, anchor) = match e.align {
        Align::Left => (l, "start"),
        Align::Center => (f64::midpoint(l, r), "middle"),
        Align::Right => (r, "end"),
    };
    let family = if e.monospace { "monospace" } else { "sans-serif" };
    let step = e.font_size * e.line_height;
    // The baseline: half of what a line is higher than its letters, and what letters rise above the baseline.
    let first = t + (step - e.font_size) / 2.0 + e.font_size * 0.8;
    put(
        out,
        format_args!(
            "<text font-family=\"{family}\" font-size=\"{}\" fill=\"{colour}\" text-anchor=\"{anchor}\" \
             xml:space=\"preserve\">",
            N(e.font_size)
        ),
    );
    for (i, line) in e.text.lines().enumerate() {
        put(out, format_args!("<tspan x=\"{}\" y=\"{}\">{}</tspan>", N(x), N(first + i as f64 * step), escape(line)));
    }
    out.push_str("</text>");
}

/// Documents hold no pixels: a frame with a cross stands for them.
fn placeholder(out: &mut String, e: &Element) {
    let (l, t, r, b) = e.frame();
    let (w, h) = (N(r - l), N(b - t));
    let (l, t, r, b) = (N(l), N(t), N(r), N(b));
    put(
        out,
        format_args!(
            "<rect x=\"{l}\" y=\"{t}\" width=\"{w}\" height=\"{h}\" fill=\"#f1f3f5\" stroke=\"#adb5bd\"/>\
             <path d=\"M{l} {t}L{r} {b}M{r} {t}L{l} {b}\" stroke=\"#adb5bd\"/>"
        ),
    );
}

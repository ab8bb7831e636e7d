//! Reads an Excalidraw element. Clients write what they like: everything is optional, bounded and checked.

use std::collections::HashMap;

use yrs::Any;

use super::number;

/// Coordinates beyond this are moved to it: pixels. Larger ones would only lose precision.
const MAX_COORDINATE: f64 = 1_000_000.0;

/// Elements drawn per page, and points in all of them together. What is more is left out, the topmost first.
const MAX_ELEMENTS: usize = 20_000;
const MAX_POINTS: usize = 400_000;

/// Characters of one text.
const MAX_TEXT: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Rectangle,
    Ellipse,
    Diamond,
    Line,
    Arrow,
    Freedraw,
    Text,
    Image,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stroke {
    Solid,
    Dashed,
    Dotted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    Solid,
    Hachure,
    CrossHatch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    pub id: String,
    pub index: String,
    pub shape: Shape,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub angle: f64,
    pub stroke: Option<String>,
    pub background: Option<String>,
    pub fill: Fill,
    pub stroke_width: f64,
    pub stroke_style: Stroke,
    pub opacity: f64,
    pub round: bool,
    /// Absolute.
    pub points: Vec<(f64, f64)>,
    pub arrow_start: bool,
    pub arrow_end: bool,
    pub text: String,
    pub font_size: f64,
    pub line_height: f64,
    pub monospace: bool,
    pub align: Align,
}

type Map = HashMap<String, Any>;

fn num(map: &Map, key: &str) -> Option<f64> {
    match map.get(key) {
        Some(Any::Number(n)) => Some(number(n)).filter(|n| n.is_finite()),
        _ => None,
    }
}

fn coordinate(map: &Map, key: &str) -> f64 {
    num(map, key).unwrap_or(0.0).clamp(-MAX_COORDINATE, MAX_COORDINATE)
}

fn text<'a>(map: &'a Map, key: &str) -> &'a str {
    match map.get(key) {
        Some(Any::String(s)) => s,
        _ => "",
    }
}

/// A colour of a harmless form, or nothing: `#` with 3, 4, 6 or 8 hex digits, or a name.
fn colour(map: &Map, key: &str) -> Option<String> {
    let s = text(map, key);
    let hex = s
        .strip_prefix('#')
        .is_some_and(|h| matches!(h.len(), 3 | 4 | 6 | 8) && h.bytes().all(|b| b.is_ascii_hexdigit()));
    let name = (3..=24).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphabetic()) && s != "transparent";
    (hex || name).then(|| s.to_owned())
}

fn points(map: &Map, x: f64, y: f64) -> Vec<(f64, f64)> {
    let Some(Any::Array(list)) = map.get("points") else { return Vec::new() };
    let one = |p: &Any| {
        let value = |v: Option<&Any>| match v {
            Some(Any::Number(n)) => Some(number(n)).filter(|n| n.is_finite()),
            _ => None,
        };
        let Any::Array(pair) = p else { return None };
        let at = |base: f64, v: f64| (base + v).clamp(-MAX_COORDINATE, MAX_COORDINATE);
        Some((at(x, value(pair.first())?), at(y, value(pair.get(1))?)))
    };
    list.iter().filter_map(one).collect()
}

impl Element {
    /// `None` = deleted, or nothing that can be drawn.
    pub(super) fn read(any: &Any) -> Option<Self> {
        let Any::Map(map) = any else { return None };
        if matches!(map.get("isDeleted"), Some(Any::Bool(true))) {
            return None;
        }
        let shape = match text(map, "type") {
            "rectangle" => Shape::Rectangle,
            "ellipse" => Shape::Ellipse,
            "diamond" => Shape::Diamond,
            "line" => Shape::Line,
            "arrow" => Shape::Arrow,
            "freedraw" => Shape::Freedraw,
            "text" => Shape::Text,
            "image" => Shape::Image,
            _ => return None,
        };
        let (x, y) = (coordinate(map, "x"), coordinate(map, "y"));
        let points = match shape {
            Shape::Line | Shape::Arrow | Shape::Freedraw => points(map, x, y),
            _ => Vec::new(),
        };
        let head = |key: &str, absent: bool| match map.get(key) {
            None => absent,
            Some(Any::Null | Any::Undefined) => false,
            Some(_) => true,
        };
        Some(Self {
            id: text(map, "id").to_owned(),
            index: text(map, "index").to_owned(),
            shape,
            x,
            y,
            width: coordinate(map, "width"),
            height: coordinate(map, "height"),
            angle: num(map, "angle").unwrap_or(0.0) % std::f64::consts::TAU,
            stroke: colour(map, "strokeColor").or_else(|| {
                // Absent or unreadable is drawn; transparent is not.
                (text(map, "strokeColor") != "transparent").then(|| "#1e1e1e".to_owned())
            }),
            background: colour(map, "backgroundColor"),
            fill: match text(map, "fillStyle") {
                "hachure" | "zigzag" => Fill::Hachure,
                "cross-hatch" => Fill::CrossHatch,
                _ => Fill::Solid,
            },
            stroke_width: num(map, "strokeWidth").unwrap_or(2.0).clamp(0.1, 200.0),
            stroke_style: match text(map, "strokeStyle") {
                "dashed" => Stroke::Dashed,
                "dotted" => Stroke::Dotted,
                _ => Stroke::Solid,
            },
            opacity: num(map, "opacity").unwrap_or(100.0).clamp(0.0, 100.0) / 100.0,
            round: matches!(map.get("roundness"), Some(Any::Map(_))),
            points,
            arrow_start: head("startArrowhead", false),
            arrow_end: head("endArrowhead", shape == Shape::Arrow),
            text: text(map, "text").chars().take(MAX_TEXT).collect(),
            font_size: num(map, "fontSize").unwrap_or(20.0).clamp(1.0, 1000.0),
            line_height: num(map, "lineHeight").unwrap_or(1.25).clamp(0.5, 5.0),
            // Cascadia, and what took its place.
            monospace: num(map, "fontFamily").is_some_and(|f| f == 3.0 || f == 8.0),
            align: match text(map, "textAlign") {
                "center" => Align::Center,
                "right" => Align::Right,
                _ => Align::Left,
            },
        })
    }

    /// How wide its lines are. A pen's swell and thin out with its speed: about three times what the element says.
    pub(super) fn line_width(&self) -> f64 {
        const PEN: f64 = 3.0;
        if self.shape == Shape::Freedraw { self.stroke_width * PEN } else { self.stroke_width }
    }

    /// Left, top, right, bottom before turning.
    pub(super) fn frame(&self) -> (f64, f64, f64, f64) {
        if !self.points.is_empty() {
            let all = self.points.iter();
            return all.fold((f64::MAX, f64::MAX, f64::MIN, f64::MIN), |(l, t, r, b), (x, y)| {
                (l.min(*x), t.min(*y), r.max(*x), b.max(*y))
            });
        }
        let (mut width, mut height) = (self.width, self.height);
        if self.shape == Shape::Text && width == 0.0 {
            let longest = self.text.lines().map(|l| l.chars().count()).max().unwrap_or(0);
            width = longest as f64 * self.font_size * 0.6;
            height = self.text.lines().count() as f64 * self.font_size * self.line_height;
        }
        let (x, y) = (self.x, self.y);
        (x.min(x + width), y.min(y + height), x.max(x + width), y.max(y + height))
    }

    /// Left, top, right, bottom after turning, with the stroke.
    pub(super) fn extent(&self) -> (f64, f64, f64, f64) {
        let (l, t, r, b) = self.frame();
        let (cx, cy) = (f64::midpoint(l, r), f64::midpoint(t, b));
        let (sin, cos) = self.angle.sin_cos();
        let corners = [(l, t), (r, t), (r, b), (l, b)].map(|(x, y)| {
            let (dx, dy) = (x - cx, y - cy);
            (cx + dx * cos - dy * sin, cy + dx * sin + dy * cos)
        });
        let half = self.line_width() / 2.0;
        corners.iter().fold((f64::MAX, f64::MAX, f64::MIN, f64::MIN), |(l, t, r, b), (x, y)| {
            (l.min(x - half), t.min(y - half), r.max(x + half), b.max(y + half))
        })
    }
}

/// Leaves out what goes beyond the bounds of one picture.
pub(super) fn bound(elements: &mut Vec<Element>) {
    elements.truncate(MAX_ELEMENTS);
    let mut points = 0usize;
    elements.retain(|e| {
        points += e.points.len() + e.text.len() / 8;
        points <= MAX_POINTS
    });
}

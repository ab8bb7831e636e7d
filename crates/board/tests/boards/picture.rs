//! Pages as pictures.

use std::sync::Arc;

use stoa_board::Limits;
use stoa_core::board::{BoardImage, Boards as _};
use yrs::{Any, Map as _, Transact as _, WriteTxn as _};

use crate::client::{element, whole};
use crate::sessions::{CLASS, MemoryStore, boards};

async fn draw(elements: &[Any], page: usize, image: BoardImage) -> Vec<u8> {
    let doc = yrs::Doc::with_client_id(5);
    {
        let mut txn = doc.transact_mut();
        let map = txn.get_or_insert_map("elements");
        for (i, e) in elements.iter().enumerate() {
            map.insert(&mut txn, format!("k{i}"), e.clone());
        }
        let pages = txn.get_or_insert_array("pages");
        for id in ["p", "q"] {
            yrs::Array::push_back(&pages, &mut txn, yrs::MapPrelim::from([("id", id)]));
        }
    }
    let store = MemoryStore::new();
    store.rows.lock().unwrap().insert(CLASS, vec![whole(&doc)]);
    boards(&store, Limits::default()).0.draw(CLASS, page, image).await.unwrap()
}

async fn svg(elements: &[Any]) -> String {
    String::from_utf8(draw(elements, 0, BoardImage::Svg).await).unwrap()
}

fn shape(kind: &str, more: &[(&str, Any)]) -> Any {
    let mut all: Vec<(&str, Any)> = vec![("type", kind.into())];
    all.extend(more.iter().cloned());
    element(kind, &all)
}

fn json(text: &str) -> Any {
    Any::from_json(text).unwrap()
}

#[tokio::test]
async fn an_empty_page_is_a_small_white_picture() {
    let text = svg(&[]).await;
    assert!(text.contains("viewBox=\"0 0 320 240\"") && text.contains("fill=\"#ffffff\""), "{text}");
    let png = draw(&[], 1, BoardImage::Png).await;
    assert_eq!(size(&png), (320, 240));
}

/// Width and height in a PNG's header.
fn size(png: &[u8]) -> (u32, u32) {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[tokio::test]
async fn each_shape_is_drawn() {
    let points = json("[[0,0],[30,10],[60,0]]");
    let text = svg(&[
        shape("rectangle", &[("strokeColor", "#ff0000".into()), ("backgroundColor", "#ffec99".into())]),
        shape("ellipse", &[("fillStyle", "hachure".into()), ("backgroundColor", "blue".into())]),
        shape("diamond", &[("strokeStyle", "dashed".into()), ("opacity", 40.into())]),
        shape("line", &[("points", points.clone()), ("roundness", json("{\"type\":2}"))]),
        shape("arrow", &[("points", points.clone())]),
        shape("freedraw", &[("points", points), ("strokeStyle", "dotted".into())]),
        shape("text", &[("text", "one\ntwo".into()), ("fontSize", 16.into()), ("textAlign", "center".into())]),
        shape("image", &[]),
    ])
    .await;
    for part in [
        "<rect x=\"10\" y=\"20\" width=\"100\" height=\"50\" rx=\"0\" fill=\"#ffec99\" stroke=\"#ff0000\" stroke-width=\"2\"",
        "<ellipse cx=\"60\" cy=\"45\" rx=\"50\" ry=\"25\" fill=\"url(#f",
        "<pattern id=\"f",
        "<path d=\"M60 20L110 45L60 70L10 45Z\"",
        "stroke-dasharray=\"8 10\"",
        "stroke-dasharray=\"1.5 12\"",
        "stroke-width=\"6\"",
        "<g opacity=\"0.4\">",
        "d=\"M10 20C15 21.67 30 30 40 30C50 30 65 21.67 70 20\"",
        "d=\"M10 20L40 30L70 20\"",
        "text-anchor=\"middle\"",
        ">one</tspan>",
        ">two</tspan>",
        "fill=\"#f1f3f5\"",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // The arrow's line and its head.
    let arrow = text.lines().find(|l| l.matches("<path").count() == 2 && l.contains("fill=\"none\"")).unwrap();
    assert!(arrow.contains("L70 20L"), "{arrow}");
}

/// As Excalidraw 0.18 writes them: an arrow between a box and a bound text, one with corners, and a stroke of a pen.
#[tokio::test]
async fn what_excalidraw_writes_is_taken_and_drawn() {
    const COMMON: &str = r##""strokeColor":"#1e1e1e","backgroundColor":"transparent","fillStyle":"solid","strokeWidth":2,
        "strokeStyle":"solid","roughness":1,"opacity":100,"groupIds":["a1","b2"],"frameId":null,"seed":1968410350,
        "version":141,"versionNonce":2015112446,"isDeleted":false,"updated":1795373419325,"link":null,"locked":false,
        "angle":0,"page":0"##;
    let own = [
        r#""type":"rectangle","x":0,"y":0,"width":200,"height":100,"roundness":{"type":3},"index":"a0",
           "boundElements":[{"id":"e1","type":"arrow"},{"id":"e2","type":"text"}]"#,
        r#""type":"arrow","x":210.5,"y":50,"width":90,"height":0.25,"roundness":{"type":2},"index":"a1","boundElements":null,
           "points":[[0,0],[90,0.25]],"lastCommittedPoint":null,"startArrowhead":null,"endArrowhead":"triangle",
           "startBinding":{"elementId":"e0","focus":0.02,"gap":10.5,"fixedPoint":null},"endBinding":null,"elbowed":false"#,
        r#""type":"text","x":60,"y":37.5,"width":80,"height":25,"roundness":null,"index":"a2","boundElements":[],
           "text":"\u4f60\u597d","originalText":"\u4f60\u597d","fontSize":20,"fontFamily":8,"textAlign":"center",
           "verticalAlign":"middle","containerId":"e0","autoResize":true,"lineHeight":1.25,
           "customData":{"lesson":{"n":3,"tags":[null,true]}}"#,
        r#""type":"arrow","x":300,"y":300,"width":40,"height":40,"roundness":null,"index":"a3","boundElements":null,
           "points":[[0,0],[40,0],[40,40]],"lastCommittedPoint":null,"startArrowhead":null,"endArrowhead":"arrow",
           "startBinding":null,"endBinding":{"elementId":"e0","focus":0,"gap":5,"fixedPoint":[0.5001,-0.05]},"elbowed":true,
           "fixedSegments":[{"index":1,"start":[0,0],"end":[40,0]}],"startIsSpecial":false,"endIsSpecial":null"#,
        r#""type":"freedraw","x":500,"y":500,"width":20,"height":10,"roundness":null,"index":"a4","boundElements":null,
           "points":[[0,0],[10.125,10],[20,5]],"pressures":[0.5,0.25,0],"simulatePressure":false,"lastCommittedPoint":[20,5]"#,
    ];
    let elements: Vec<Any> = own.iter().map(|own| json(&format!("{{{own},{COMMON}}}"))).collect();
    let text = svg(&elements).await;
    for part in [
        "<rect x=\"0\" y=\"0\" width=\"200\" height=\"100\" rx=\"25\"",
        "d=\"M210.5 50L300.5 50.25\"",
        "font-family=\"monospace\"",
        ">\u{4f60}\u{597d}</tspan>",
        "d=\"M300 300L340 300L340 340\"",
        "d=\"M500 500L510.13 510L520 505\" fill=\"none\" stroke=\"#1e1e1e\" stroke-width=\"6\"",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[tokio::test]
async fn turned_elements_fit_into_the_picture() {
    let text = svg(&[shape("rectangle", &[("angle", (std::f64::consts::PI / 2.0).into())])]).await;
    assert!(text.contains("rotate(90 60 45)"), "{text}");
    // 100 × 50 around (60, 45), upright: 35…85 by -5…95, half a stroke and the margin around it.
    assert!(text.contains("viewBox=\"14 -26 92 142\""), "{text}");
}

#[tokio::test]
async fn nothing_of_a_client_gets_into_the_markup() {
    let evil = "\"/><script>alert(1)</script>&'\u{0}\u{ffff}";
    let text = svg(&[
        shape("text", &[("text", evil.into()), ("strokeColor", evil.into()), ("fontFamily", evil.into())]),
        shape("rectangle", &[("backgroundColor", "url(http://x)".into()), ("strokeColor", "red;x:y".into())]),
        shape("ellipse", &[("fillStyle", evil.into()), ("strokeStyle", evil.into()), ("id", evil.into())]),
    ])
    .await;
    assert!(!text.contains("<script") && !text.contains("url(http") && !text.contains("x:y"), "{text}");
    assert!(text.contains("&quot;/&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;</tspan>"), "{text}");
    assert!(!text.contains('\u{0}') && !text.contains('\u{ffff}'));
}

#[tokio::test]
async fn order_pages_and_deletion_are_respected() {
    let e = |id: &str, index: &str, more: &[(&str, Any)]| {
        let mut all: Vec<(&str, Any)> = vec![("type", "text".into()), ("text", id.into()), ("index", index.into())];
        all.extend(more.iter().cloned());
        element(id, &all)
    };
    let elements = [
        e("third", "a2", &[]),
        e("second", "a1", &[]),
        e("first", "a0", &[]),
        e("also-second", "a1", &[]),
        e("gone", "a0", &[("isDeleted", true.into())]),
        e("elsewhere", "a0", &[("page", 1.into())]),
        Any::from("no element"),
        Any::Map(Arc::default()),
    ];
    let text = svg(&elements).await;
    let at = |id: &str| text.find(&format!(">{id}<"));
    assert!(at("first") < at("also-second") && at("also-second") < at("second") && at("second") < at("third"));
    assert!(at("first").is_some() && at("gone").is_none() && at("elsewhere").is_none());
    let other = String::from_utf8(draw(&elements, 1, BoardImage::Svg).await).unwrap();
    assert!(other.contains(">elsewhere<") && !other.contains(">first<"));
}

#[tokio::test]
async fn pixels_are_bounded_and_numbers_may_be_anything() {
    let far = json("[[0,0],[1e300,5],[-1e300,1e9]]");
    let wild = [
        shape("rectangle", &[("x", 1e300.into()), ("width", f64::NAN.into()), ("angle", f64::INFINITY.into())]),
        shape("line", &[("points", far), ("strokeWidth", (-5).into()), ("strokeStyle", "dotted".into())]),
        shape("text", &[("fontSize", 1e9.into()), ("text", "x".repeat(100).into()), ("width", 0.into())]),
        shape("arrow", &[("points", json("[[0,0],[0,0]]"))]),
        shape("freedraw", &[("points", json("[[1,1]]"))]),
        shape("freedraw", &[("points", json("[[1],\"x\",[2,null]]"))]),
        shape("ellipse", &[("width", (-50).into()), ("height", 0.into()), ("backgroundColor", "#fff".into())]),
    ];
    let png = draw(&wild, 0, BoardImage::Png).await;
    let (width, height) = size(&png);
    assert_eq!(width.max(height), 4096);
    assert!(!svg(&wild).await.contains("NaN") && !svg(&wild).await.contains("inf"));
}

#[tokio::test]
async fn pixels_show_what_was_drawn() {
    let red = shape("rectangle", &[("backgroundColor", "#ff0000".into()), ("strokeColor", "transparent".into())]);
    let png = draw(&[red], 0, BoardImage::Png).await;
    let pixels = resvg::tiny_skia::Pixmap::decode_png(&png).unwrap();
    let at = |x: u32, y: u32| pixels.pixel(x, y).map(|p| (p.red(), p.green(), p.blue())).unwrap();
    assert_eq!(at(70, 45), (255, 0, 0));
    assert_eq!(at(5, 5), (255, 255, 255));
}

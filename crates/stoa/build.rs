//! Embeds the built pages of `web/dist`, if they are there. Node is not needed here: whoever has not
//! built the pages gets a binary that says how to.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::hash::Hasher as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "src/page_kind.rs"]
mod page_kind;

/// Files below this size are sent as they are: compression would save less than a packet.
const MIN_COMPRESS: usize = 1024;

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    let web = manifest.join("../../web");
    let dist = web.join("dist");
    println!("cargo::rerun-if-changed=build.rs");
    // Watching a folder that does not exist would rebuild every time.
    if web.exists() {
        println!("cargo::rerun-if-changed={}", if dist.exists() { &dist } else { &web }.display());
    }
    let mut files = Vec::new();
    collect(&dist, &mut files);
    files.sort();
    let mut code = String::from("static PAGES: &[Page] = &[\n");
    for (i, file) in files.iter().enumerate() {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&dist).expect("collected below it").to_string_lossy().replace('\\', "/");
        let bytes = fs::read(file).expect("a page file can be read");
        let mut hash = DefaultHasher::new();
        hash.write(&bytes);
        let packed = gzip(&bytes, &name);
        let packed = match &packed {
            Some(p) => {
                let path = out.join(format!("page{i}.gz"));
                fs::write(&path, p).expect("OUT_DIR is writable");
                format!("Some(include_bytes!({:?}))", path.display().to_string())
            }
            None => "None".to_owned(),
        };
        let path = fs::canonicalize(file).expect("exists").display().to_string();
        writeln!(
            code,
            "    Page {{ path: {name:?}, kind: {:?}, etag: \"\\\"{:016x}\\\"\", plain: include_bytes!({path:?}), gzip: {packed} }},",
            page_kind::content_type(&name),
            hash.finish()
        )
        .expect("a String takes it");
    }
    code.push_str("];\n");
    fs::write(out.join("pages.rs"), code).expect("OUT_DIR is writable");
}

fn collect(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, out);
        } else {
            out.push(path);
        }
    }
}

fn gzip(bytes: &[u8], name: &str) -> Option<Vec<u8>> {
    let text = ["html", "js", "css", "svg", "json", "txt", "map", "webmanifest", "wasm"];
    let extension = name.rsplit('.').next().unwrap_or_default();
    if bytes.len() < MIN_COMPRESS || !text.contains(&extension) {
        return None;
    }
    let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    e.write_all(bytes).ok()?;
    e.finish().ok().filter(|p| p.len() < bytes.len())
}

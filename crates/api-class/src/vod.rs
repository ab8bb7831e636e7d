//! Recordings as the class object shows them (classroom.md 4.2, 5.12).

use serde::Serialize;
use stoa_core::cloud::{Recording, RecordingFile};
use utoipa::ToSchema;

/// A recording of the teacher's main stream.
#[derive(Debug, Serialize, ToSchema)]
pub struct VodInfo {
    /// 1: it plays.
    #[schema(maximum = 2)]
    status: u8,
    /// Its files.
    playlist: Vec<VodFile>,
}

/// One file.
#[derive(Debug, Serialize, ToSchema)]
pub struct VodFile {
    /// Kbit/s.
    #[schema(example = "858.198")]
    bit_rate: String,
    /// UTC.
    #[schema(example = "2017-06-26T06:38:48Z")]
    creation_time: String,
    /// `FD LD SD HD OD 2K 4K SQ HQ AUTO`.
    definition: String,
    /// Seconds.
    #[schema(example = "67.685")]
    duration: String,
    /// `mp4 m3u8 mp3 flv mpd`.
    format: String,
    /// Frames per second.
    fps: String,
    /// Pixels.
    height: u64,
    /// Pixels.
    width: u64,
    /// Bytes.
    size: u64,
    /// Where it plays.
    play_url: String,
    /// `Normal` or `Invisible`.
    status: String,
    /// `video` or `audio`.
    stream_type: String,
    /// Bits per sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    bit_depth: Option<u64>,
    /// 1: encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypt: Option<u64>,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypt_type: Option<String>,
    /// Kind of high dynamic range.
    #[serde(skip_serializing_if = "Option::is_none")]
    hdr_type: Option<String>,
    /// Of the watermark.
    #[serde(skip_serializing_if = "Option::is_none")]
    watermark_id: Option<String>,
}

impl VodInfo {
    /// Of this recording.
    pub(crate) fn of(recording: Recording) -> Self {
        Self { status: 1, playlist: recording.files.into_iter().map(VodFile::of).collect() }
    }
}

impl VodFile {
    fn of(f: RecordingFile) -> Self {
        Self {
            bit_rate: f.bit_rate,
            creation_time: f.creation_time,
            definition: f.definition,
            duration: f.duration,
            format: f.format,
            fps: f.fps,
            height: f.height,
            width: f.width,
            size: f.size,
            play_url: f.play_url.0,
            status: f.status,
            stream_type: f.stream_type,
            bit_depth: f.bit_depth,
            encrypt: f.encrypt,
            encrypt_type: f.encrypt_type,
            hdr_type: f.hdr_type,
            watermark_id: f.watermark_id,
        }
    }
}

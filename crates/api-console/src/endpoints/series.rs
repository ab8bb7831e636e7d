//! `GET /series`

use axum::extract::State;
use stoa_core::console::{Row, Series as Measured};

use super::overview::rounded;
use super::{Answer, shown};
use crate::ask::Ask;
use crate::body::overview::{Rows, Series, SeriesQuery};
use crate::refuse::Refused;
use crate::routes::Refusals;
use crate::state::ConsoleState;

/// What was measured in the last minutes
#[utoipa::path(get, path = "/api/console/v1/series", tag = "Server", security(("bearer" = [])), params(SeriesQuery),
    responses((status = 200, description = "all rows", body = Series), Refusals))]
pub async fn series(State(state): State<ConsoleState>, ask: Ask<SeriesQuery>) -> Answer {
    if !(1..=360).contains(&ask.query.minutes) {
        return Err(Refused::invalid("minutes: must be 1 to 360"));
    }
    shown(&body(&state.machine().series(ask.query.minutes, state.now())))
}

fn body(measured: &Measured) -> Series {
    let row = |row: Row| measured.samples.iter().map(|s| s.and_then(|s| s.get(row)).map(rounded)).collect();
    Series {
        step_ms: measured.step_ms,
        from: measured.from.0,
        names: Row::ALL.map(|r| r.name().to_owned()).into(),
        rows: Rows {
            cpu_percent: row(Row::CpuPercent),
            memory_bytes: row(Row::MemoryBytes),
            participants: row(Row::Participants),
            connections: row(Row::Connections),
            packets_in: row(Row::PacketsIn),
            packets_out: row(Row::PacketsOut),
            bits_in: row(Row::BitsIn),
            bits_out: row(Row::BitsOut),
            published: row(Row::Published),
            delivered: row(Row::Delivered),
            requests: row(Row::Requests),
            errors: row(Row::Errors),
        },
    }
}

//! Which form a text has.

use clap::ValueEnum;

use super::{Flows, calico, csv, hubble, list};

/// The forms of flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FlowFormat {
    /// By what the text looks like
    Auto,
    /// FROM TO[:PORT[/PROTOCOL]], a line each
    List,
    /// Columns from, to, port and protocol, or what map -o csv writes
    Csv,
    /// What hubble observe -o json (or jsonpb) writes
    Hubble,
    /// Calico's flow logs, and what Whisker gives out
    Calico,
}

/// Reads flows. What cannot be read is kept with its place.
pub fn read(file: &str, text: &str, format: FlowFormat, flows: &mut Flows) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        FlowFormat::Auto => read(file, text, guess(text), flows),
        FlowFormat::List => list::read(file, text, flows),
        FlowFormat::Csv => csv::read(file, text, flows),
        FlowFormat::Hubble => hubble::read(file, text, flows),
        FlowFormat::Calico => calico::read(file, text, flows),
    }
}

fn guess(text: &str) -> FlowFormat {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    if text.trim_start().starts_with(['{', '[']) {
        // Calico writes flat records.
        return if text.contains("\"source_namespace\"") || text.contains("\"dest_namespace\"") {
            FlowFormat::Calico
        } else {
            FlowFormat::Hubble
        };
    }
    if first.contains(',') { FlowFormat::Csv } else { FlowFormat::List }
}

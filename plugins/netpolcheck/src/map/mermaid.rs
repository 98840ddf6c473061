//! A picture as a flowchart of Mermaid (<https://mermaid.js.org/syntax/flowchart.html>).

use std::io::{self, Write};

use super::picture::{Node, Picture};

/// How many lines Mermaid takes: its setting `maxEdges`, which a diagram cannot change by itself.
pub const MOST_EDGES: usize = 500;
/// How many characters it takes: its setting `maxTextSize`, which a diagram cannot change either.
pub const MOST_TEXT: usize = 50_000;

/// Writes a picture as a flowchart.
///
/// # Errors
/// Where the output cannot be written.
pub fn write_mermaid(picture: &Picture, verdict: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "%% kubectl netpolcheck map: {}", verdict.replace(['\n', '{', '}'], " "))?;
    writeln!(out, "flowchart LR")?;
    let mut place = 0;
    let mut frame = 0;
    for nodes in picture.nodes.chunk_by(|a, b| a.namespace == b.namespace) {
        let indent = match &nodes[0].namespace {
            Some(namespace) => {
                writeln!(out, "  subgraph s{frame}[\"{}\"]", escaped(namespace))?;
                frame += 1;
                "    "
            }
            None => "  ",
        };
        for it in nodes {
            writeln!(out, "{indent}{}", node(place, it))?;
            place += 1;
        }
        if nodes[0].namespace.is_some() {
            writeln!(out, "  end")?;
        }
    }
    for edge in &picture.edges {
        let line = match (edge.both_ways, edge.unsure) {
            (false, false) => "-->",
            (false, true) => "-.->",
            (true, false) => "<-->",
            (true, true) => "<-.->",
        };
        writeln!(out, "  n{} {line}|\"{}\"| n{}", edge.from, escaped(&edge.label), edge.to)?;
    }
    for (place, note) in picture.notes.iter().enumerate() {
        writeln!(out, "  note{place}[\"{}\"]:::note", escaped(note))?;
    }
    for (class, style) in [
        ("outside", "fill:#fff4e5,stroke:#c2570c,color:#1c2430"),
        ("remarked", "stroke-dasharray:4 3"),
        ("note", "fill:none,stroke:none"),
    ] {
        writeln!(out, "  classDef {class} {style}")?;
    }
    Ok(())
}

fn node(place: usize, node: &Node) -> String {
    let label: Vec<String> = node.label.iter().map(|line| escaped(line)).collect();
    let label = label.join("<br/>");
    match (node.outside, node.remarked) {
        (true, _) => format!("n{place}([\"{label}\"]):::outside"),
        (false, true) => format!("n{place}[\"{label}\"]:::remarked"),
        (false, false) => format!("n{place}[\"{label}\"]"),
    }
}

/// Whatever could mean anything to Mermaid or to HTML as the number of its character ("Entity codes to escape
/// characters").
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '-' | '_' | '.' | ',' | '/' | '(' | ')' => safe.push(character),
            '\n' => safe.push_str("<br/>"),
            other if other.is_alphanumeric() => safe.push(other),
            other => safe.push_str(&format!("#{};", u32::from(other))),
        }
    }
    safe
}

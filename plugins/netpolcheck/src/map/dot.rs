//! A picture in the language of Graphviz (<https://graphviz.org/doc/info/lang.html>).

use std::io::{self, Write};

use super::picture::{Node, Picture};

/// Writes a picture as a graph of DOT. The names of the nodes are those of the peers.
///
/// # Errors
/// Where the output cannot be written.
pub fn write_dot(picture: &Picture, verdict: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "// kubectl netpolcheck map: {}", verdict.replace('\n', " "))?;
    writeln!(out, "digraph \"netpolcheck\" {{")?;
    let notes: String = picture.notes.iter().map(|note| format!("{}\\l", escaped(&wrapped(note)))).collect();
    writeln!(out, "  graph [rankdir=LR, fontname=\"Helvetica\", fontsize=11, labeljust=l, label=\"{notes}\"];")?;
    writeln!(
        out,
        "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", color=\"#667085\", fontname=\"Helvetica\", \
         fontsize=11];"
    )?;
    writeln!(out, "  edge [color=\"#667085\", fontname=\"Helvetica\", fontsize=9, arrowsize=0.7];")?;
    let mut frame = 0;
    for nodes in picture.nodes.chunk_by(|a, b| a.namespace == b.namespace) {
        match &nodes[0].namespace {
            Some(namespace) => {
                writeln!(out, "  subgraph \"cluster_{frame}\" {{")?;
                writeln!(
                    out,
                    "    graph [label={}, style=\"rounded,filled\", fillcolor=\"#f5f7fa\", color=\"#d5dae3\"];",
                    quoted(namespace)
                )?;
                nodes.iter().try_for_each(|it| node(it, "    ", out))?;
                writeln!(out, "  }}")?;
                frame += 1;
            }
            None => nodes.iter().try_for_each(|it| node(it, "  ", out))?,
        }
    }
    for edge in &picture.edges {
        let name = |place: usize| quoted(&picture.nodes[place].name);
        let (from, to) = (name(edge.from), name(edge.to));
        write!(out, "  {from} -> {to} [label={}", quoted(&edge.label))?;
        if edge.both_ways {
            write!(out, ", dir=both")?;
        }
        if edge.unsure {
            write!(out, ", style=dashed")?;
        }
        writeln!(out, "];")?;
    }
    writeln!(out, "}}")
}

fn node(node: &Node, indent: &str, out: &mut impl Write) -> io::Result<()> {
    let label: Vec<String> = node.label.iter().map(|line| escaped(line)).collect();
    write!(out, "{indent}{} [label=\"{}\"", quoted(&node.name), label.join("\\n"))?;
    if node.outside {
        write!(out, ", shape=ellipse, style=filled, fillcolor=\"#fff4e5\"")?;
    }
    if node.remarked {
        write!(out, ", style=\"rounded,filled,dashed\"")?;
    }
    writeln!(out, "];")
}

/// In a quoted string only the quote has a meaning of its own, and in labels the backslash too.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// Lines of a length that can be read below a picture.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 100;
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() || line.chars().count() + word.chars().count() < WIDTH => {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

//! What the forms look like, from the outside.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Format, RenderContext, render, sample};
use crate::report::{NotEvaluated, Report};

fn written(report: &Report, format: &Format, context: RenderContext) -> String {
    let mut out = Vec::new();
    render(report, format, &context, &mut out).expect("a report that can be written");
    String::from_utf8(out).expect("UTF-8")
}

fn at(width: usize) -> RenderContext {
    RenderContext { width: Some(width), ..RenderContext::default() }
}

const PIPE: RenderContext = RenderContext { width: None, colour: false, no_headers: false };

#[test]
fn table_on_a_terminal_of_80_columns() {
    let text = written(&sample::report(), &Format::Table, at(80));
    insta::assert_snapshot!(text);
}

#[test]
fn table_on_a_terminal_of_40_columns() {
    let text = written(&sample::report(), &Format::Wide, at(40));
    insta::assert_snapshot!(text);
}

#[test]
fn wide_on_a_terminal_of_200_columns() {
    insta::assert_snapshot!(written(&sample::report(), &Format::Wide, at(200)));
}

#[test]
fn table_with_colour() {
    let context = RenderContext { colour: true, ..at(80) };
    let text = written(&sample::report(), &Format::Table, context);
    insta::assert_snapshot!(text.replace('\u{1b}', "ESC"));
}

#[test]
fn table_in_a_pipe_has_one_line_a_row() {
    insta::assert_snapshot!(written(&sample::report(), &Format::Table, PIPE));
}

#[test]
fn no_headers_leaves_out_the_headings_of_tables_only() {
    let text = written(&sample::report(), &Format::Table, RenderContext { no_headers: true, ..PIPE });
    assert!(!text.contains("DAYS LEFT"), "{text}");
    for kept in ["Verdict", "kube-apiserver", "Not evaluated", "endpointslices"] {
        assert!(text.contains(kept), "{kept} is missing in\n{text}");
    }
}

#[test]
fn a_report_without_a_layout_shows_its_findings_and_checks() {
    let mut report = sample::report();
    report.document.blocks.clear();
    insta::assert_snapshot!(written(&report, &Format::Table, at(100)));
    insta::assert_snapshot!("nothing_found", written(&sample::clean(), &Format::Table, at(80)));
}

#[test]
fn no_line_is_too_wide_or_ends_with_a_space() {
    let report = sample::report();
    for width in (30..220).step_by(7) {
        let text = written(&report, &Format::Wide, at(width));
        for line in text.lines() {
            assert!(!line.ends_with(' '), "at {width}: {line:?}");
            // Commands are copied, so they are never broken.
            if !line.starts_with("    kubeadm") {
                let columns = unicode_width::UnicodeWidthStr::width(line);
                assert!(columns <= width, "{columns} columns at {width}: {line:?}");
            }
        }
    }
}

#[test]
fn nothing_is_left_out_at_any_width() {
    let report = sample::report();
    let letters = |text: &str| {
        let mut words: Vec<char> = text.chars().filter(|c| c.is_alphanumeric()).collect();
        words.sort_unstable();
        words
    };
    let everything = letters(&written(&report, &Format::Wide, at(1000)));
    for width in 60..200 {
        assert_eq!(letters(&written(&report, &Format::Wide, at(width))), everything, "at {width}");
    }
}

#[test]
fn the_names_of_the_objects() {
    let mut report = sample::report();
    report.findings.push(report.findings[0].clone());
    insta::assert_snapshot!(written(&report, &Format::Name, PIPE), @"
    poddisruptionbudget.policy/cart | checkout
    deployment.apps/storefront-with-a-rather-long-name
    node/worker-1
    ");
}

#[test]
fn markdown_is_a_runbook() {
    insta::assert_snapshot!(written(&sample::report(), &Format::Markdown, PIPE));
    insta::assert_snapshot!("markdown_of_nothing", written(&sample::clean(), &Format::Markdown, PIPE));
}

#[test]
fn sarif_of_a_cluster_and_of_files() {
    let mut report = sample::report();
    insta::assert_snapshot!(written(&report, &Format::Sarif, PIPE));
    report.metadata.source = sample::clean().metadata.source;
    let log: Value = serde_json::from_str(&written(&report, &Format::Sarif, PIPE)).expect("JSON");
    let uris: Vec<&Value> = log["runs"][0]["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|result| &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        .collect();
    assert_eq!(uris, ["deploy/shop.yaml", "deploy/", "deploy/"]);
}

#[test]
fn junit_shows_findings_checks_and_what_was_left_out() {
    insta::assert_snapshot!(written(&sample::report(), &Format::Junit, PIPE));
    insta::assert_snapshot!("junit_of_nothing", written(&sample::clean(), &Format::Junit, PIPE));
}

proptest! {
    #[test]
    fn junit_is_well_formed_whatever_it_says(text in "\\PC{0,20}|[\u{0}-\u{1f}<>&'\"\\]]{0,20}|[\u{fff0}-\u{ffff}]{0,4}") {
        let mut report = sample::report();
        report.findings[0].title = text.clone();
        report.checks[1].evidence = text.clone();
        report.not_evaluated[0].why = text;
        let xml = written(&report, &Format::Junit, PIPE);
        let is_character = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        prop_assert!(xml.chars().all(is_character), "{:?}", xml);
        let mut reader = quick_xml::Reader::from_str(&xml);
        let mut cases = 0;
        loop {
            match reader.read_event() {
                Ok(quick_xml::events::Event::Eof) => break,
                Ok(quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag)) => {
                    for attribute in tag.attributes() {
                        prop_assert!(attribute.is_ok(), "{:?}", xml);
                    }
                    cases += usize::from(tag.name().as_ref() == "testcase");
                }
                Ok(_) => {}
                Err(error) => prop_assert!(false, "{}: {}", error, xml),
            }
        }
        prop_assert_eq!(cases, 3 + 4 + 1);
    }
}

#[test]
fn json_and_yaml_are_the_same_envelope() {
    let report = sample::report();
    let json_text = written(&report, &Format::Json, PIPE);
    insta::assert_snapshot!(json_text);
    let from_json: Value = serde_json::from_str(&json_text).expect("JSON");
    let from_yaml: Value = serde_saphyr::from_str(&written(&report, &Format::Yaml, PIPE)).expect("YAML");
    assert_eq!(from_json, from_yaml);
}

#[test]
fn yaml_keeps_strings_that_look_like_something_else() {
    for text in [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "Yes",
        "TRUE",
        "true",
        "null",
        "~",
        "",
        " ",
        "1",
        "1.0",
        "1e3",
        "0x1f",
        "0o17",
        "017",
        "1_000",
        ".inf",
        "-.inf",
        ".nan",
        "12:30:45",
        "2026-08-22",
        "- item",
        "key: value",
        "# comment",
        "a #b",
        "'",
        "\"",
        "&anchor",
        "*alias",
        "!tag",
        "%directive",
        "@at",
        "`tick",
        "{",
        "[",
        "|",
        ">",
        "?",
        ":",
        "-",
        "--- ",
        "...",
        "---",
        "trailing ",
        " leading",
        "tab\t",
        "a\nb",
        "a\n",
        "\n",
        "a\r\nb",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{1b}[0m",
        "\u{0}",
        "=",
        "<<",
        "+1",
        "-0",
        "1,000",
        "0b11",
        "é 测试",
    ] {
        let mut report = sample::clean();
        report.not_evaluated.push(NotEvaluated::new(text, text));
        let yaml = written(&report, &Format::Yaml, PIPE);
        let back: Value = serde_saphyr::from_str(&yaml).unwrap_or_else(|error| panic!("{text:?}: {error}\n{yaml}"));
        assert_eq!(back["notEvaluated"], json!([{"what": text, "why": text}]), "{yaml}");
    }
}

proptest! {
    #[test]
    fn yaml_keeps_any_string(text in "\\PC{0,40}|[ \\n\\t:#'\"a&*-]{0,24}", key in "[a-zA-Z0-9 :#-]{1,12}") {
        let mut report = sample::clean();
        report.findings.push(
            crate::report::Finding::new("any", crate::report::Severity::Low, text).with_evidence(&key, json!([1, null])),
        );
        let yaml = written(&report, &Format::Yaml, PIPE);
        let back: Value = serde_saphyr::from_str(&yaml).expect("YAML that can be read back");
        prop_assert_eq!(back, serde_json::to_value(&report).expect("plain data"));
    }
}

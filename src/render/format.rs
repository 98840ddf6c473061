//! The value of `-o`.

use std::fmt;

use super::{JsonPath, JsonPathError};

/// The form of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Format {
    /// For people, the columns that matter.
    #[default]
    Table,
    /// For people, all columns.
    Wide,
    /// The envelope as JSON.
    Json,
    /// The envelope as YAML.
    Yaml,
    /// The objects of the findings, one a line.
    Name,
    /// What a template in kubectl's JSONPath makes of the envelope.
    JsonPath(JsonPath),
    /// A page in GitHub flavoured markdown, with boxes to tick.
    Markdown,
    /// Results for code scanning.
    Sarif,
    /// Test results for pipelines.
    Junit,
    /// A form that one command has of its own, such as `tfvars`.
    Own(&'static str),
}

impl Format {
    /// The words for the common formats and what each is for, in the order of the help text.
    pub const COMMON: &[(&'static str, &'static str)] = &[
        ("table", "For people"),
        ("wide", "For people, with all columns"),
        ("json", "The versioned envelope, for programs"),
        ("yaml", "The same as YAML"),
        ("name", "The objects of the findings, one a line"),
        ("jsonpath=", "What a template in kubectl's JSONPath makes of the envelope"),
        ("markdown", "A page for pull requests and runbooks, with boxes to tick"),
        ("sarif", "SARIF 2.1.0, for code scanning"),
        ("junit", "JUnit XML, for the test pages of pipelines"),
    ];

    /// Reads the value of `-o`; `own` holds the formats that the command has beside the common ones.
    ///
    /// # Errors
    /// Where the word names no format, with those that there are.
    pub fn parse(text: &str, own: &[(&'static str, &'static str)]) -> Result<Self, FormatError> {
        match text {
            "table" | "" => Ok(Self::Table),
            "wide" => Ok(Self::Wide),
            "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            "name" => Ok(Self::Name),
            "markdown" => Ok(Self::Markdown),
            "sarif" => Ok(Self::Sarif),
            "junit" => Ok(Self::Junit),
            "jsonpath" | "jsonpath=" => Err(FormatError::NoTemplate),
            _ if text.starts_with("jsonpath=") => Ok(Self::JsonPath(JsonPath::parse(&text["jsonpath=".len()..])?)),
            _ => own.iter().find(|(name, _)| *name == text).map(|(name, _)| Self::Own(name)).ok_or_else(|| {
                let names = Self::COMMON.iter().chain(own).map(|(name, _)| *name).collect::<Vec<_>>();
                FormatError::Unknown { given: text.to_owned(), allowed: names.join(",") }
            }),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "table",
            Self::Wide => "wide",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Name => "name",
            Self::Markdown => "markdown",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::JsonPath(template) => return write!(f, "jsonpath={}", template.source()),
            Self::Own(name) => name,
        })
    }
}

/// A value of `-o` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// No such format. The words are kubectl's.
    #[error("unable to match a printer suitable for the output format {given:?}, allowed formats are: {allowed}")]
    Unknown {
        /// What was asked for.
        given: String,
        /// What there is.
        allowed: String,
    },
    /// `-o jsonpath` without its template. The words are kubectl's.
    #[error("template format specified but no template given")]
    NoTemplate,
    /// The template cannot be read.
    #[error(transparent)]
    Template(#[from] JsonPathError),
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &[(&str, &str)] = &[("tfvars", "Terraform variables")];

    #[test]
    fn every_format_is_read_and_shown_by_its_name() {
        for (name, _) in Format::COMMON.iter().chain(OWN) {
            let text = if *name == "jsonpath=" { "jsonpath={.kind}" } else { name };
            let format = Format::parse(text, OWN).expect("a format");
            assert_eq!(format.to_string(), text);
        }
        assert_eq!(Format::parse("", &[]).expect("the default"), Format::Table);
    }

    #[test]
    fn what_is_no_format_is_told_in_kubectls_words() {
        for (text, words) in [
            ("xml", "unable to match a printer suitable for the output format \"xml\", allowed formats are: table,"),
            ("JSON", "unable to match a printer"),
            ("tfvars", "unable to match a printer"),
            ("jsonpath", "template format specified but no template given"),
            ("jsonpath=", "template format specified but no template given"),
            ("jsonpath={.a", "error parsing jsonpath {.a, unclosed action"),
        ] {
            let error = Format::parse(text, &[]).expect_err("no format");
            assert!(error.to_string().starts_with(words), "{text}: {error}");
        }
    }
}

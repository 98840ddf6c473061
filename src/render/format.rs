//! The value of `-o`.

use std::fmt;

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
}

//! The flags of every command that writes a report.

use std::{ffi::OsStr, marker::PhantomData};

use clap::{
    Arg, Args, Command, Error,
    builder::{PossibleValue, TypedValueParser},
    error::ErrorKind,
};

use super::{Format, RenderContext};
use crate::term::Stream;

/// The formats that a command has beside the common ones: name and what it is for.
///
/// ```
/// # use patchkit::render::{OutputArgs, OwnFormats};
/// #[derive(Clone, Debug)]
/// struct Terraform;
/// impl OwnFormats for Terraform {
///     const FORMATS: &'static [(&'static str, &'static str)] = &[("tfvars", "Terraform variables")];
/// }
/// #[derive(clap::Args)]
/// struct PlanArgs {
///     #[command(flatten)]
///     output: OutputArgs<Terraform>,
/// }
/// ```
pub trait OwnFormats: Clone + Send + Sync + 'static {
    /// Name and meaning of each.
    const FORMATS: &'static [(&'static str, &'static str)];
}

/// No formats but the common ones.
#[derive(Clone, Copy, Debug)]
pub struct CommonFormats;

impl OwnFormats for CommonFormats {
    const FORMATS: &'static [(&'static str, &'static str)] = &[];
}

/// How a report is written.
#[derive(Args, Clone, Debug)]
pub struct OutputArgs<F: OwnFormats = CommonFormats> {
    /// Output format
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true,
        value_parser = FormatParser::<F>::new(),
        help_heading = "Output",
    )]
    pub output: Format,

    /// Leave out the headings of tables
    #[arg(long, help_heading = "Output")]
    pub no_headers: bool,

    #[arg(skip)]
    own: PhantomData<fn() -> F>,
}

impl<F: OwnFormats> OutputArgs<F> {
    /// What a renderer needs to know of the stream that the report goes to.
    #[must_use]
    pub fn context(&self, stream: Stream) -> RenderContext {
        RenderContext { width: stream.width, colour: stream.colour, no_headers: self.no_headers }
    }
}

/// Reads a [`Format`] from the command line, and offers the words for help texts and completion.
#[derive(Clone, Copy, Debug)]
pub struct FormatParser<F>(PhantomData<fn() -> F>);

impl<F: OwnFormats> FormatParser<F> {
    /// A parser of the common formats and of those in `F`.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: OwnFormats> Default for FormatParser<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: OwnFormats> TypedValueParser for FormatParser<F> {
    type Value = Format;

    fn parse_ref(&self, command: &Command, _arg: Option<&Arg>, value: &OsStr) -> Result<Format, Error> {
        let text = value.to_string_lossy();
        Format::parse(&text, F::FORMATS)
            .map_err(|error| Error::raw(ErrorKind::ValueValidation, format!("{error}\n")).with_cmd(command))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(
            Format::COMMON.iter().chain(F::FORMATS).map(|(name, meaning)| PossibleValue::new(*name).help(*meaning)),
        ))
    }
}

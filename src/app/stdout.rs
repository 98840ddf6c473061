//! Standard output, whose reader may leave before the end.

use std::{
    error::Error,
    fmt,
    io::{self, BufWriter, Write},
};

/// Standard output, buffered whatever it is connected to.
///
/// Rust ignores SIGPIPE, so a reader that leaves (`| head`) shows as an error of the next write. That error is marked
/// here, to tell it from a broken connection to a server: the one ends the program quietly, the other is a failure.
#[derive(Debug)]
pub struct Stdout {
    inner: BufWriter<io::StdoutLock<'static>>,
}

impl Stdout {
    pub(super) fn new() -> Self {
        Self { inner: BufWriter::with_capacity(64 * 1024, io::stdout().lock()) }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes).map_err(mark)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().map_err(mark)
    }
}

/// The reader of standard output has left.
#[derive(Debug)]
pub(super) struct ReaderLeft;

impl fmt::Display for ReaderLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reader of the output has left")
    }
}

impl Error for ReaderLeft {}

fn mark(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::BrokenPipe { io::Error::new(error.kind(), ReaderLeft) } else { error }
}

/// An error and what caused it, from the outside in.
pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Whether this is what a write to standard output ends with when nobody reads it any more.
pub(super) fn is_reader_left(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|error| {
        error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).is_some_and(|inner| inner.is::<ReaderLeft>())
    })
}

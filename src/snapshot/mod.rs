//! The facts of a cluster at one moment, from a live API, files, a directory or standard input; indexed, immutable.

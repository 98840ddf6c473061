//! Generated clusters of any size, for the measurements: the same seed and sizes give the same bytes.
//!
//! A [`Shape`] knows which objects there are and holds none of them. [`objects`] makes one object or a template of
//! alike objects as a JSON value; [`text`] writes it as kubectl does (JSON with four spaces and sorted keys, or YAML)
//! or as an API server does, and fills what tells a template's pods apart into the written text, which is what makes
//! hundreds of thousands of them cheap. [`files`] writes what `kubectl get -o json` would, [`serve`] answers like an
//! API server, and [`list`] reads a server's lists and drops them: the least that any client has to do.

pub mod files;
pub mod list;
pub mod network;
pub mod objects;
pub mod serve;
pub mod shape;
pub mod text;

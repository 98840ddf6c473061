//! Servers for tests: they misbehave on command and remember what they were asked.
//!
//! [`ScriptedServer`] is a tiny API server that serves prepared answers and generated lists, plain or with TLS.
//! [`FaultProxy`] stands in front of a real API server and hands everything on, except where a [`Rule`] says otherwise.
//! Both record every request. Each runs in a thread of its own and ends when it is dropped, so that they serve tests
//! that start a program as well as tests that are asynchronous themselves.
//!
//! Test support fails loudly: what goes wrong here panics.

mod certificates;
mod fault_proxy;
mod faults;
mod http_server;
pub mod objects;
mod record;
mod scripted_server;

pub use certificates::Certificates;
pub use fault_proxy::{FaultProxy, Upstream};
pub use faults::{Fault, Faults, Rule};
pub use record::Recorded;
pub use scripted_server::{Answer, ListRoute, ScriptedServer};

//! What the tests of patchkit stand on: clusters, programs run as their users run them, and servers that misbehave.
//!
//! [`Cluster`] is a real control plane with simulated kubelets, built from `tests/cluster`: one that the tests of a
//! program share, each in a [`Namespace`] of its own, or one for a single test that breaks things. [`run_suite`] is the
//! harness for such tests. [`plugin`] and [`Run`] start a program in a clean environment, with pipes or in a
//! [`Terminal`], and [`Output::report`] holds what it prints to the repository's schemas.
//!
//! [`ScriptedServer`] is a tiny API server that serves prepared answers and generated lists, plain or with TLS.
//! [`FaultProxy`] stands in front of a real API server and hands everything on, except where a [`Rule`] says otherwise.
//! Both record every request. Each runs in a thread of its own and ends when it is dropped, so that they serve tests
//! that start a program as well as tests that are asynchronous themselves.
//!
//! [`hold_generated`] holds the repository's generated files to what makes them.
//!
//! Test support fails loudly: what goes wrong here panics.

mod certificates;
mod cluster;
mod fault_proxy;
mod faults;
mod generated;
mod guide;
mod http_server;
mod namespace;
pub mod objects;
mod programs;
mod record;
pub mod rights;
mod run;
mod schema;
pub mod scratch;
mod scripted_server;
mod suite;
mod terminal;

pub use certificates::Certificates;
pub use cluster::{Cluster, ClusterOptions, ClusterState, Component};
pub use fault_proxy::{FaultProxy, Upstream};
pub use faults::{Fault, Faults, Rule};
pub use generated::{generated_files, hold_generated};
pub use guide::shell_blocks;
pub use namespace::{Namespace, Permission};
pub use programs::{cluster_programs, plugin_folder, program, why_no_cluster};
pub use record::Recorded;
pub use run::{Output, Run, Running, plugin};
pub use schema::assert_valid;
pub use scripted_server::{Answer, ListRoute, ScriptedServer};
pub use suite::{LiveTest, run_suite};
pub use terminal::{Shown, Terminal};

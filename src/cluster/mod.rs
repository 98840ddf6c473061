//! Reaching a cluster, as kubectl would: which one, as whom, through which proxy, page by page, in its words.
//!
//! [`ConnectOptions`] are the flags, [`Environment`] what the process was started with. [`Access`] is the decision made
//! from both and from the kubeconfig: a value that can be looked at, with no connection made. [`Cluster`] is the
//! client built from it. It reads whole paths ([`Cluster::get`]), lists page by page ([`Cluster::list`]), what the
//! server offers ([`Cluster::discover`], [`Cluster::version`]) and its metrics ([`Cluster::metrics`]), and from all of
//! these a snapshot ([`Cluster::gather`]), which watches keep up to date ([`Cluster::watch`]). It writes
//! ([`Cluster::merge_patch`] and its neighbours), evicts pods ([`Cluster::evict`]) and holds locks ([`Lease`]).
//!
//! Reads are repeated where the server is busy or the connection broke: visibly, a few times, within a bounded time
//! ([`RetryPolicy`]). Writes never are. What the user should see on the way is a [`Notice`]; what failed is a
//! [`ClusterError`] with a [`kind`](ClusterError::kind) to decide by and kubectl's words to print.

mod access;
mod authorization;
mod connect;
mod discovery;
mod environment;
mod errors;
mod eviction;
mod exec;
mod gather;
mod kubeconfig;
mod kubeconfig_names;
mod kubeconfig_users;
mod lease;
mod list;
mod list_head;
mod metrics;
mod notices;
mod options;
pub mod parallel;
mod pem;
mod proxy;
mod read;
mod retry;
mod transport;
mod watch;
mod write;

pub use access::{Access, AccessError, Authorization, ExecSource, Identity, Impersonation};
pub use connect::{Cluster, ConnectSettings, connect};
pub use discovery::{Discovery, ServedResource, ServerVersion};
pub use environment::{Environment, cache_folder};
pub use errors::{Cause, ClusterError, ErrorKind, ServerAnswer};
pub use eviction::{PodRemoval, Removal};
pub use exec::ExecError;
pub use gather::{GatherProgress, MetadataWish, Wish};
pub use kubeconfig::{AuthProvider, ExecEntry, ExecVariable, KubeconfigError};
pub use kubeconfig_names::{ContextName, KubeconfigNames, kubeconfig_names};
pub use kubeconfig_users::{KubeconfigUser, TokenLife, kubeconfig_users};
pub use lease::{Lease, LeaseMeta, LeaseName, LeaseSpec, Observed};
pub use list::{ListEvent, ListPage, ListRequest, ListSummary};
pub use list_head::ListMeta;
pub use notices::{Notice, NoticeSink};
pub use options::{ConnectOptions, DEFAULT_CHUNK_SIZE, parse_duration};
pub use pem::PemError;
pub use proxy::ProxyError;
pub use retry::RetryPolicy;
pub use watch::{WatchEvent, Watches};
pub use write::Writer;

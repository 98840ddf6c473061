//! Kubernetes' own rules, as pure functions: selectors, quantities, pod requests, owners, versions and skew, image
//! names, taints, budgets, windows, certificates.
//!
//! Nothing here knows where an object came from. The types are what the rules read of the API's objects; snapshots
//! are made of them.

pub mod budget;
mod certificate;
pub mod eviction;
pub mod image;
mod int_or_string;
mod labels;
pub mod names;
pub(crate) mod null;
pub mod owner;
pub mod pod;
mod quantity;
pub mod requests;
pub mod runtime_version;
mod selector;
mod selector_text;
mod shared_list;
pub mod skew;
pub mod surge;
pub mod taint;
pub mod version;
pub(crate) mod volume;
pub mod window;

pub use certificate::{Certificate, CertificateError};
pub use image::{ImageError, ImageRef};
pub use int_or_string::IntOrString;
pub use labels::Labels;
pub use owner::OwnerRef;
pub use pod::{Container, PodSpec, Resources};
pub use quantity::{Quantity, QuantityError};
pub use runtime_version::{LooseVersion, RuntimeVersion};
pub use selector::{LabelSelector, NodeSelector, NodeSelectorTerm, Operator, PreferredTerm, Requirement};
pub use selector_text::SelectorError;
pub use shared_list::SharedList;
pub use taint::{Taint, Toleration};
pub use version::{KubeVersion, Minor, Triple, VersionError};

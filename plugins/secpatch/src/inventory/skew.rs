//! The components of an inventory as the version skew policy sees them.

use patchkit::rules::{
    skew::{self, Instance},
    version::KubeVersion,
};

use super::{Inventory, Place};
use crate::facts::Component;

/// The policy's name of a component; `None` where it does not speak of it.
fn component(component: &Component) -> Option<skew::Component> {
    skew::Component::ALL.into_iter().find(|known| known.name() == component.as_str())
}

/// Every component that the policy speaks of, at a version that can be read. The emulated minor belongs to the API
/// server that answered, and so to all of its instances.
#[must_use]
pub fn instances(inventory: &Inventory) -> Vec<Instance> {
    inventory
        .instances
        .iter()
        .filter_map(|found| {
            let component = component(&found.component)?;
            let version: KubeVersion = found.version.as_deref()?.parse().ok()?;
            let name = match &found.place {
                Place::Server => String::new(),
                place => place.named().1,
            };
            let mut instance = Instance::new(component, name, version);
            if let Some(node) = &found.node {
                instance = instance.on(node.as_str());
            }
            match inventory.emulated {
                Some(minor) if component == skew::Component::ApiServer => Some(instance.emulating(minor)),
                _ => Some(instance),
            }
        })
        .collect()
}

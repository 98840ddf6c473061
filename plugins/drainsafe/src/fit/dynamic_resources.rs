//! DynamicResources: devices that are claimed (KEP-4381). Not evaluated, and so never a "fits".

use compact_str::CompactString;
use patchkit::rules::PodSpec;

/// By this domain a container requests a device class as if it were an extended resource (KEP-5004).
const DEVICE_CLASS: &str = "deviceclass.resource.kubernetes.io/";

/// The first device class that a container requests by its name.
pub(super) fn device_class_request(spec: &PodSpec) -> Option<&CompactString> {
    let containers = spec.containers.iter().chain(&spec.init_containers);
    containers.flat_map(|container| container.resources.requests.keys()).find(|name| name.starts_with(DEVICE_CLASS))
}

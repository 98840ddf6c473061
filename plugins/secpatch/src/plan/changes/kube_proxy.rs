//! Changes of kube-proxy.

use patchkit::report::ObjectRef;

use super::{
    evaluate::{Look, Verdict},
    kubelet::removed_flags,
};
use crate::{
    facts::Component,
    settings::{self, text},
    words::named,
};

/// The mode in each place that sets it, empty where it is not set: the configuration decides, and the flag where
/// there is none.
fn modes(look: &Look<'_>) -> Result<Vec<(ObjectRef, String)>, String> {
    match settings::kube_proxy(look.snapshot) {
        Ok(configs) => Ok(configs
            .into_iter()
            .map(|(object, config)| {
                let mode = &config["mode"];
                (object, if mode.is_null() { String::new() } else { text(mode) })
            })
            .collect()),
        Err(why) => {
            let flags = settings::flags(look.subject, &Component::KUBE_PROXY);
            // With a configuration file that was not found, the flags say nothing.
            let by_flags: Vec<(ObjectRef, String)> = flags
                .places
                .into_iter()
                .filter(|place| !place.flags.contains_key("config"))
                .map(|place| (place.object, place.flags.get("proxy-mode").cloned().unwrap_or_default()))
                .collect();
            if by_flags.is_empty() { Err(flags.hidden.unwrap_or(why)) } else { Ok(by_flags) }
        }
    }
}

fn with_mode(look: &Look<'_>, wanted: &str, what: &str) -> Verdict {
    let modes = match modes(look) {
        Ok(modes) => modes,
        Err(why) => return Verdict::cannot_tell(why),
    };
    let objects: Vec<ObjectRef> =
        modes.iter().filter(|(_, mode)| mode == wanted).map(|(object, _)| object.clone()).collect();
    if objects.is_empty() {
        let mut found: Vec<&str> =
            modes.iter().map(|(_, mode)| if mode.is_empty() { "not set" } else { mode.as_str() }).collect();
        found.sort_unstable();
        found.dedup();
        return Verdict::no(format!("kube-proxy's mode is {}", found.join(", ")));
    }
    let evidence = format!("kube-proxy's mode is {what} in {}", named(&objects));
    Verdict::yes(objects, evidence)
}

pub(super) fn mode_unset(look: &Look<'_>) -> Verdict {
    with_mode(look, "", "not set")
}

pub(super) fn ipvs(look: &Look<'_>) -> Verdict {
    with_mode(look, "ipvs", "ipvs")
}

pub(super) fn iptables_wait(look: &Look<'_>) -> Verdict {
    removed_flags(look, &Component::KUBE_PROXY, |name| name.contains("iptables") && name.contains("wait"))
}

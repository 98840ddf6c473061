//! No folder of the node may be mounted.

use patchkit::rules::pod::VolumeSource;

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::named,
};

pub(in super::super) const CHECK: Check =
    Check { id: "hostPathVolumes", level: Level::Baseline, revisions: &[Revision::new(0, judge)], replaces: None };

fn judge(subject: Subject<'_>) -> Option<String> {
    let bad: Vec<&str> = subject
        .spec
        .volumes
        .iter()
        .filter(|volume| matches!(volume.source, VolumeSource::HostPath { .. }))
        .map(|volume| volume.name.as_str())
        .collect();
    (!bad.is_empty()).then(|| format!("{} must not be of type hostPath", named("volume", bad)))
}

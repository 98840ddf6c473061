//! The masks over `/proc` stay for every pod: what baseline relaxes from policy version 1.35 on, restricted does not.

use super::{
    super::{
        check::{Check, Revision},
        level::Level,
    },
    proc_mount,
};

pub(in super::super) const CHECK: Check = Check {
    id: "procMount_restricted",
    level: Level::Restricted,
    revisions: &[Revision::new(35, proc_mount::since_1_0)],
    replaces: Some("procMount"),
};

//! `kubectl netpolcheck rbac`.

use patchkit::app::Roles;

/// What the commands need to be allowed to do, by level.
pub const ROLES: Roles = Roles {
    read_only: include_str!("../../../../deploy/rbac/netpolcheck-read-only.yaml"),
    operate: include_str!("../../../../deploy/rbac/netpolcheck-operate.yaml"),
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use patchkit_test_support::rights::{Right, assert_roles, rights};

    use super::{super::input::KINDS, *};
    use crate::foreign::{MATTERS, OTHER_KINDS};

    /// Consul's kind is a plural itself.
    fn plural(kind: &str) -> String {
        if kind == "ServiceIntentions" { kind.to_lowercase() } else { patchkit::rules::names::plural(kind).into() }
    }

    #[test]
    fn the_roles_hold_what_is_read_and_no_more() {
        assert_roles("netpolcheck", ROLES.read_only, ROLES.operate);
        let kinds = KINDS.iter().chain(MATTERS);
        let mut needed: BTreeSet<Right> = kinds.map(|kind| Right::new("list", kind.group, kind.plural)).collect();
        needed.extend(OTHER_KINDS.iter().map(|(group, kind, _)| Right::new("list", group, &plural(kind))));
        assert_eq!(rights(ROLES.read_only), needed);
    }
}

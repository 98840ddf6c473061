//! `kubectl drainsafe rbac`.

use patchkit::app::Roles;

/// What the commands need to be allowed to do, by level.
pub const ROLES: Roles = Roles {
    read_only: include_str!("../../../../deploy/rbac/drainsafe-read-only.yaml"),
    operate: include_str!("../../../../deploy/rbac/drainsafe-operate.yaml"),
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use patchkit_test_support::rights::{Right, assert_roles, rights};

    use super::*;
    use crate::{drain, execute::driver::WATCHED, fit};

    #[test]
    fn the_roles_hold_what_is_read_and_no_more() {
        assert_roles("drainsafe", ROLES.read_only, ROLES.operate);
        let kinds = drain::KINDS.iter().chain(fit::KINDS);
        let mut needed: BTreeSet<Right> = kinds.map(|kind| Right::new("list", kind.group, kind.plural)).collect();
        needed.insert(Right::new("get", "coordination.k8s.io", "leases"));
        assert_eq!(rights(ROLES.read_only), needed);
        let watched: BTreeSet<Right> =
            WATCHED.iter().map(|kind| Right::new("watch", kind.group, kind.plural)).collect();
        let watches: BTreeSet<Right> = rights(ROLES.operate).into_iter().filter(|it| it.verb == "watch").collect();
        assert_eq!(watches, watched);
    }
}

//! Who asks, and what that user may do.

use patchkit::report::Severity;

use super::{
    super::{
        outcome::{Found, Gap, Outcome},
        own::beyond,
    },
    Look,
};
use crate::words::count;

/// How many rights the evidence names.
const NAMED: usize = 5;

pub(in super::super) fn who(look: &Look<'_>) -> Outcome {
    let me = match &look.own.me {
        Ok(me) => me,
        Err(gap) => return Outcome::unseen(gap.clone()),
    };
    let groups: Vec<&str> =
        me.groups.iter().map(String::as_str).filter(|group| *group != "system:authenticated").collect();
    let groups = if groups.is_empty() { String::new() } else { format!(", in {}", groups.join(", ")) };
    let text = format!("{}{groups}", me.username);
    let found = if me.username == "system:anonymous" {
        vec![Found::told(format!("{text}: the server asks nobody for a name")).of_severity(Severity::Critical)]
    } else if me.groups.iter().any(|group| group == "system:masters") {
        vec![Found::told(format!("{text}: no rule can take anything from system:masters, nor can it be revoked"))]
    } else {
        Vec::new()
    };
    Outcome::told(found, text)
}

pub(in super::super) fn rights(look: &Look<'_>) -> Outcome {
    let me = match &look.own.me {
        Ok(me) => me,
        Err(gap) => return Outcome::unseen(gap.clone()),
    };
    let rights = match &me.rights {
        Ok(rights) => rights,
        Err(why) => return Outcome::unseen(Gap::new(why.as_str())),
    };
    let mut more = beyond(&rights.rules);
    more.extend(rights.dangers.iter().map(|danger| danger.display()));
    let place = format!("in the whole cluster and in namespace {}", me.namespace);
    let all = more.contains("* everything") || more.contains("everything");
    let found = if all {
        vec![Found::told("may do everything")]
    } else if more.is_empty() {
        Vec::new()
    } else {
        let named: Vec<&str> = more.iter().take(NAMED).map(String::as_str).collect();
        let rest = more.len().saturating_sub(NAMED);
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let rights = count(more.len(), "right");
        vec![Found::told(format!("{rights} that these plugins do not need, {place}: {}{rest}", named.join("; ")))]
    };
    // Without a list of all rights, those that were asked for one by one are known all the same.
    let gap = rights.incomplete.as_ref().filter(|_| !all).map(|why| {
        Gap::new(format!(
            "the server cannot list all rights ({why}); the most dangerous ones were asked for one by one"
        ))
    });
    Outcome::told(found, format!("nothing beyond what these plugins need, {place}")).with_gaps(gap)
}

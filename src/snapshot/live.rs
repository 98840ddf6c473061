//! A snapshot that is kept up to date: one moment after the other.

use serde_json::value::RawValue;

use super::{
    builder::{SnapshotBuilder, with_kind},
    kinds::{self, Kind},
    model::{Coverage, Snapshot},
    // Every room of them: the kinds of the builder name them.
    objects::*,
    settle::{Listed, key, settle},
};

/// A snapshot of a live cluster that takes in changes as they come from a watch. What is decided from it is decided
/// from [`Self::facts`], by the same functions as from any snapshot.
#[derive(Default)]
pub struct LiveSnapshot {
    builder: SnapshotBuilder,
}

impl LiveSnapshot {
    /// Goes on from these facts.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self { builder: SnapshotBuilder { snapshot, ..SnapshotBuilder::default() } }
    }

    /// The facts as they are now.
    #[must_use]
    pub fn facts(&self) -> &Snapshot {
        &self.builder.snapshot
    }

    /// Replaces all objects of a kind by those of these pages of a list.
    ///
    /// # Errors
    /// Where a page is no JSON list of this kind; then no object of the kind is known.
    pub fn replace<P: AsRef<[u8]>>(&mut self, kind: &Kind, pages: &[P]) -> Result<(), serde_json::Error> {
        self.builder.restart(kind);
        for page in pages {
            if let Err(error) = self.builder.add_page(kind, page.as_ref()) {
                self.builder.restart(kind);
                self.builder.denied(kind, &format!("the answer is no list that can be read: {error}"));
                return Err(error);
            }
        }
        self.builder.saw(kind, Coverage::Complete);
        settle(&mut self.builder.snapshot, true);
        Ok(())
    }

    /// Takes in an object that was made or changed.
    ///
    /// # Errors
    /// Where it is no JSON object of this kind; then nothing is changed.
    pub fn put(&mut self, kind: &Kind, object: &RawValue) -> Result<(), serde_json::Error> {
        self.take(kind, object, false)
    }

    /// Takes out an object that is gone, given as it was last.
    ///
    /// # Errors
    /// Where it is no JSON object of this kind; then nothing is changed.
    pub fn remove(&mut self, kind: &Kind, object: &RawValue) -> Result<(), serde_json::Error> {
        self.take(kind, object, true)
    }

    fn take(&mut self, kind: &Kind, object: &RawValue, is_gone: bool) -> Result<(), serde_json::Error> {
        let SnapshotBuilder { snapshot, context, .. } = &mut self.builder;
        context.begin(&kind.api_version(), None);
        macro_rules! take {
            ($resource:ty, $list:ident $(, $field:tt)?) => {{
                let wire: <$resource as Resource>::Wire = serde_json::from_slice(object.get().as_bytes())?;
                place(&mut snapshot.$list, <$resource>::keep(wire, context)$(.$field)?, is_gone)
            }};
        }
        with_kind!(*kind, take, {
            let wire: cluster_wide::WireAny = serde_json::from_slice(object.get().as_bytes())?;
            let mut object = cluster_wide::OtherObject::keep(wire, context);
            object.kind = kind.kind.into();
            place(&mut snapshot.others, object, is_gone);
        });
        Ok(())
    }
}

/// Puts an object where it stands in the sorted list, or takes it out of there. An object of the same name with another
/// UID is a later one: what is told of the earlier one's end must not remove it.
fn place<T: Listed>(list: &mut Vec<T>, object: T, is_gone: bool) {
    match list.binary_search_by(|known| key(known).cmp(&key(&object))) {
        Ok(at) if is_gone => {
            if list[at].meta().uid == object.meta().uid {
                list.remove(at);
            }
        }
        Ok(at) => list[at] = object,
        Err(_) if is_gone => {}
        Err(at) => list.insert(at, object),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, uid: &str, node: &str) -> Box<RawValue> {
        let json = format!(
            r#"{{"metadata":{{"namespace":"n","name":"{name}","uid":"{uid}"}},"spec":{{"nodeName":"{node}"}}}}"#
        );
        RawValue::from_string(json).unwrap()
    }

    fn seen(live: &LiveSnapshot) -> Vec<String> {
        live.facts().pods.iter().map(|pod| format!("{} {} {}", pod.meta.name, pod.meta.uid, pod.node)).collect()
    }

    #[test]
    fn changes_are_taken_in_and_the_order_is_kept() {
        let mut live = LiveSnapshot::default();
        let list = format!(r#"{{"items":[{},{}]}}"#, pod("c", "1", "x"), pod("a", "2", "x"));
        live.replace(&kinds::PODS, &[list]).unwrap();
        assert_eq!(live.facts().coverage(&kinds::PODS), Coverage::Complete);
        live.put(&kinds::PODS, &pod("b", "3", "")).unwrap();
        live.put(&kinds::PODS, &pod("b", "3", "y")).unwrap();
        assert_eq!(seen(&live), ["a 2 x", "b 3 y", "c 1 x"]);
        live.remove(&kinds::PODS, &pod("a", "2", "x")).unwrap();
        live.remove(&kinds::PODS, &pod("z", "9", "x")).unwrap();
        assert_eq!(seen(&live), ["b 3 y", "c 1 x"]);
        live.replace(&kinds::PODS, &[format!(r#"{{"items":[{}]}}"#, pod("d", "4", "x"))]).unwrap();
        assert_eq!(seen(&live), ["d 4 x"]);
    }

    #[test]
    fn the_end_of_an_earlier_pod_does_not_remove_its_successor() {
        let mut live = LiveSnapshot::default();
        live.put(&kinds::PODS, &pod("db-0", "2", "y")).unwrap();
        live.remove(&kinds::PODS, &pod("db-0", "1", "x")).unwrap();
        assert_eq!(seen(&live), ["db-0 2 y"]);
    }

    #[test]
    fn workloads_of_several_kinds_share_a_list() {
        let mut live = LiveSnapshot::default();
        let object = |replicas: i32| {
            RawValue::from_string(format!(
                r#"{{"metadata":{{"namespace":"n","name":"web"}},"spec":{{"replicas":{replicas}}}}}"#
            ))
            .unwrap()
        };
        live.put(&kinds::STATEFUL_SETS, &object(3)).unwrap();
        live.put(&kinds::DEPLOYMENTS, &object(5)).unwrap();
        live.put(&kinds::STATEFUL_SETS, &object(4)).unwrap();
        let replicas: Vec<_> = live.facts().workloads.iter().map(|it| (it.kind.as_str(), it.replicas)).collect();
        assert_eq!(replicas, [("Deployment", 5), ("StatefulSet", 4)]);
        live.replace(&kinds::DEPLOYMENTS, &[r#"{"items":[]}"#]).unwrap();
        assert_eq!(live.facts().workloads.len(), 1);
    }

    #[test]
    fn what_cannot_be_read_changes_nothing_and_is_known_to_be_missing() {
        let mut live = LiveSnapshot::default();
        live.put(&kinds::PODS, &pod("a", "1", "x")).unwrap();
        assert!(live.put(&kinds::PODS, &RawValue::from_string("7".to_owned()).unwrap()).is_err());
        assert_eq!(seen(&live), ["a 1 x"]);
        assert!(live.replace(&kinds::PODS, &["nonsense"]).is_err());
        assert!(live.facts().why_unknown(&kinds::PODS).is_some());
        // A later list makes up for it.
        live.replace(&kinds::PODS, &[r#"{"items":null}"#]).unwrap();
        assert_eq!(live.facts().why_unknown(&kinds::PODS), None);
    }
}

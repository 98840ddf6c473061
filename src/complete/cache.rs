//! What a cluster said a moment ago: whoever presses TAB once, presses it again.

use std::{
    fs,
    hash::Hasher as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};

use super::live::Offer;
use crate::cluster::cache_folder;

/// How long an answer is good. Long enough for the keys of one line, too short for anybody to wonder.
const LIFE: Duration = Duration::from_secs(5);

/// A folder with a file for each answer. Only its owner can read it: names tell what a company is about to build.
pub(super) struct Cache {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    /// The whole key: two of them may have the same file name.
    key: String,
    /// Milliseconds since 1970.
    at: u64,
    offers: Vec<(String, Option<String>)>,
}

impl Cache {
    /// The user's own; none where the environment names no place for it.
    pub fn of_user() -> Option<Self> {
        Some(Self { folder: cache_folder(|name| std::env::var_os(name))?.join("completion") })
    }

    /// What was kept under this key, where it is not too old.
    pub fn get(&self, key: &str, now: SystemTime) -> Option<Vec<Offer>> {
        let entry: Entry = serde_json::from_slice(&fs::read(self.path(key)).ok()?).ok()?;
        let age = milliseconds(now).checked_sub(entry.at)?;
        (entry.key == key && u128::from(age) <= LIFE.as_millis())
            .then(|| entry.offers.into_iter().map(|(value, help)| Offer { value, help }).collect())
    }

    /// Keeps an answer, and clears away what nobody can use any more. What cannot be written is not kept.
    pub fn put(&self, key: &str, offers: &[Offer], now: SystemTime) {
        let entry = Entry {
            key: key.to_owned(),
            at: milliseconds(now),
            offers: offers.iter().map(|offer| (offer.value.clone(), offer.help.clone())).collect(),
        };
        let path = self.path(key);
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let Ok(text) = serde_json::to_vec(&entry) else { return };
        if own_folder(&self.folder).is_err() {
            return;
        }
        self.clear(now);
        // One that is being read at the same moment is read whole.
        if fs::write(&beside, text).and_then(|()| fs::rename(&beside, &path)).is_err() {
            let _ = fs::remove_file(&beside);
        }
    }

    fn clear(&self, now: SystemTime) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let changed = entry.metadata().and_then(|metadata| metadata.modified());
            if changed.is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age > LIFE)) {
                // Another program may be clearing too.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        let mut hasher = FxHasher::default();
        hasher.write(key.as_bytes());
        self.folder.join(format!("{:016x}.json", hasher.finish()))
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|time| u64::try_from(time.as_millis()).ok()).unwrap_or_default()
}

/// Makes the folder, for nobody but its owner.
fn own_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_for_a_moment_and_for_its_own_question() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache { folder: folder.path().join("completion") };
        let now = SystemTime::now();
        let offers = [Offer::of("a"), Offer::with_help("b", "with words")];
        assert_eq!(cache.get("question", now), None);
        cache.put("question", &offers, now);
        assert_eq!(cache.get("question", now + LIFE).as_deref(), Some(&offers[..]));
        assert_eq!(cache.get("question", now + LIFE + Duration::from_millis(1)), None);
        assert_eq!(cache.get("question", now - Duration::from_secs(1)), None, "a clock that was set back");
        assert_eq!(cache.get("another", now), None);
        fs::copy(cache.path("question"), cache.path("another")).expect("a copy");
        assert_eq!(cache.get("another", now), None, "two questions with the same file name");
        cache.put("third", &[], now + LIFE * 2);
        assert!(!cache.path("question").exists(), "what is too old is cleared away");
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache { folder: folder.path().join("completion") };
        cache.put("question", &[], SystemTime::now());
        let mode = fs::metadata(&cache.folder).expect("the folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}

//! Refreshing the facts from newer public files: what a file is, what it changes, and whether the result is to be
//! believed. Pure: bytes in, tables out.
//!
//! What a newer file does not speak of stays as it was, so that a source that cannot be reached costs nothing but its
//! own news.

mod archive;
mod check;
mod kind;

use std::{cell::OnceCell, collections::BTreeSet};

use jiff::civil::Date;

pub use check::{Refusal, check};
pub use kind::Kind;

use super::{
    Calendars, Cve, Cves, Cycle, Facts, Newer, Product, Release, Releases, SourceInfo, Sources,
    make::corrections,
    merge::{self, CveMerge, ReleaseInputs},
    read::{self, ReadError, feed::Feed, osv::Advisory},
    table::{Table, TableError},
};

/// The largest file that is read, in bytes. The official feed has about one million.
pub const LARGEST_FILE: usize = 32 << 20;

/// A public file.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The file or address, for messages.
    pub from: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// The day on which a public address gave it. `None` for a file, whose age nobody knows: then only the dates in it
    /// count.
    pub read_on: Option<Date>,
}

/// Why facts cannot be refreshed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A hand-written table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A file is of no known kind.
    #[error(
        "{0} is none of the public files that are understood: the official CVE feed (JSON or RSS), OSV files or an archive of \
         them, schedule.yaml, eol.yaml, or a product of endoflife.date"
    )]
    UnknownKind(String),
    /// A file is too large to be what it should be.
    #[error("{from} has {size} bytes, and none of the public files has more than {LARGEST_FILE}")]
    TooLarge {
        /// The file or address.
        from: String,
        /// Its size.
        size: usize,
    },
}

/// What has been read so far.
#[derive(Debug, Default)]
struct Read {
    feeds: Vec<(Feed, Option<Date>)>,
    osv: Vec<Advisory>,
    go: Vec<Advisory>,
    schedule: Vec<read::schedule::Branch>,
    ended: Vec<read::schedule::EndedBranch>,
    cycles: Vec<Cycle>,
    /// Products whose calendar was read.
    products: BTreeSet<Product>,
    /// How many files of the Kubernetes feed stood in archives, which have all of them.
    in_archives: Option<usize>,
}

/// A refresh under way.
#[derive(Debug)]
pub struct Refresh<'a> {
    before: &'a Facts,
    today: Date,
    read: Read,
    /// The newest date that speaks for each table.
    cves_as_of: Option<Date>,
    releases_as_of: Option<Date>,
    calendars_as_of: Option<Date>,
    corrections: OnceCell<Vec<merge::Correction>>,
}

/// The refreshed tables.
#[derive(Debug)]
pub struct Refreshed {
    /// The vulnerabilities.
    pub cves: Table<Cve>,
    /// The releases.
    pub releases: Table<Release>,
    /// The calendars.
    pub calendars: Table<Cycle>,
    /// The sources, with the days on which they were read.
    pub sources: Table<SourceInfo>,
    /// Records that their source took back.
    pub withdrawn: usize,
    /// Corrections that no longer fit what a source says: the source's word was taken.
    pub stale_corrections: Vec<String>,
    /// How many vulnerabilities the newly read official feed has, where one was read.
    pub in_feed: Option<usize>,
    /// How many vulnerabilities a newly read archive of the Kubernetes feed in OSV form has.
    pub in_osv: Option<usize>,
}

impl Refreshed {
    /// The facts with these tables, for one answer: nothing is kept.
    #[must_use]
    pub fn into_facts(self) -> Facts {
        let newer = Newer {
            releases: Releases::new(self.releases),
            calendars: Calendars::new(self.calendars),
            cves: Cves::new(self.cves),
            sources: Sources::new(self.sources),
            by_this_version: true,
        };
        Facts::with_newer(newer).0
    }

    /// The tables as text, by file name.
    #[must_use]
    pub fn files(&self) -> [(&'static str, String); 4] {
        [
            ("releases.json", self.releases.write()),
            ("calendars.json", self.calendars.write()),
            ("cves.json", self.cves.write()),
            ("sources.json", self.sources.write()),
        ]
    }
}

impl<'a> Refresh<'a> {
    /// Begins with the facts as they are.
    #[must_use]
    pub fn new(before: &'a Facts, today: Date) -> Self {
        Self {
            before,
            today,
            read: Read::default(),
            cves_as_of: None,
            releases_as_of: None,
            calendars_as_of: None,
            corrections: OnceCell::new(),
        }
    }

    /// Reads a file, whatever it is. Returns what it was and how many records it has.
    ///
    /// # Errors
    /// Where it is nothing that is understood, or cannot be read; nothing of it is taken then.
    pub fn add(&mut self, piece: &Piece) -> Result<(Kind, usize), RefreshError> {
        if piece.bytes.len() > LARGEST_FILE {
            return Err(RefreshError::TooLarge { from: piece.from.clone(), size: piece.bytes.len() });
        }
        let unknown = || RefreshError::UnknownKind(piece.from.clone());
        if archive::is_archive(&piece.bytes) {
            return self.add_archive(piece);
        }
        let text = std::str::from_utf8(&piece.bytes).map_err(|error| {
            ReadError::whole(&piece.from, format!("byte {} is no UTF-8: expected text", error.valid_up_to()))
        })?;
        let kind = kind::of(&piece.from, text).ok_or_else(unknown)?;
        let count = self.add_text(kind, &piece.from, text, piece.read_on)?;
        Ok((kind, count))
    }

    fn add_text(&mut self, kind: Kind, from: &str, text: &str, read_on: Option<Date>) -> Result<usize, RefreshError> {
        match kind {
            Kind::Feed | Kind::Rss => {
                let read = if kind == Kind::Feed { read::feed::read } else { read::rss::read };
                let feed = read(from, text)?;
                let count = feed.items.len();
                self.cves_as_of = self.cves_as_of.max(read_on).max(feed.updated);
                self.read.feeds.push((feed, read_on));
                Ok(count)
            }
            Kind::Osv | Kind::GoVulndb => {
                let advisory = read::osv::read(from, text)?;
                self.cves_as_of = self.cves_as_of.max(read_on).max(read::osv::date(&advisory.modified));
                let kept = if kind == Kind::Osv { &mut self.read.osv } else { &mut self.read.go };
                kept.push(advisory);
                Ok(1)
            }
            Kind::Schedule => {
                let mut branches = read::schedule::read_schedule(from, text)?;
                let count = branches.len();
                self.releases_as_of = self.releases_as_of.max(read_on);
                self.read.schedule.append(&mut branches);
                Ok(count)
            }
            Kind::Ended => {
                let mut branches = read::schedule::read_ended(from, text)?;
                let count = branches.len();
                self.releases_as_of = self.releases_as_of.max(read_on);
                self.read.ended.append(&mut branches);
                Ok(count)
            }
            Kind::Calendar(product) => {
                let mut cycles = read::endoflife::read(product, from, text)?;
                let count = cycles.len();
                self.calendars_as_of = self.calendars_as_of.max(read_on);
                self.read.products.insert(product);
                self.read.cycles.append(&mut cycles);
                Ok(count)
            }
            Kind::Archive => Err(RefreshError::UnknownKind(from.to_owned())),
        }
    }

    /// All or nothing of an archive: a broken file in it means a broken archive.
    fn add_archive(&mut self, piece: &Piece) -> Result<(Kind, usize), RefreshError> {
        let mut advisories = Vec::new();
        for (name, text) in archive::unpack(&piece.from, &piece.bytes)? {
            let from = format!("{}:{name}", piece.from);
            if let Some(kind @ (Kind::Osv | Kind::GoVulndb)) = kind::of(&from, &text) {
                advisories.push((kind, read::osv::read(&from, &text)?));
            }
        }
        if advisories.is_empty() {
            return Err(RefreshError::UnknownKind(piece.from.clone()));
        }
        let count = advisories.len();
        let of_kubernetes = advisories.iter().filter(|(kind, _)| *kind == Kind::Osv).count();
        if of_kubernetes > 0 {
            *self.read.in_archives.get_or_insert(0) += of_kubernetes;
        }
        self.cves_as_of = self.cves_as_of.max(piece.read_on);
        for (kind, advisory) in advisories {
            self.cves_as_of = self.cves_as_of.max(read::osv::date(&advisory.modified));
            if kind == Kind::Osv { self.read.osv.push(advisory) } else { self.read.go.push(advisory) }
        }
        Ok((Kind::Archive, count))
    }

    /// Joins what was read with the facts as they were.
    ///
    /// # Errors
    /// Where a hand-written table cannot be read, which a test rules out.
    pub fn finish(self) -> Result<Refreshed, RefreshError> {
        if self.corrections.get().is_none() {
            let _ = self.corrections.set(corrections()?);
        }
        let corrections = self.corrections.get().map(Vec::as_slice).unwrap_or_default();
        let calendars = self.calendars();
        let releases = self.releases(&calendars);
        let index = Releases::new(releases.clone());
        let mut cve_merge = CveMerge::from_records(self.before.cves().all());
        let known = self.before.cves().all().len();
        for advisory in &self.read.osv {
            cve_merge.add_osv(advisory);
        }
        for advisory in &self.read.go {
            cve_merge.add_go(advisory);
        }
        let withdrawn = known.saturating_sub(cve_merge.len());
        for item in self.read.feeds.iter().flat_map(|(feed, _)| &feed.items) {
            cve_merge.add_feed(item);
        }
        let (records, stale_corrections) = cve_merge.finish(corrections, &index);
        let mut cves = with_records(self.before.cves().table(), records);
        cves.as_of = self.dated(cves.as_of, self.cves_as_of);
        for (used, name) in [(!self.read.feeds.is_empty(), merge::FEED), (!self.read.osv.is_empty(), merge::OSV)] {
            if used && !cves.sources.iter().any(|source| source == name) {
                cves.sources.push(name.to_owned());
            }
        }
        let in_feed = self.read.feeds.iter().map(|(feed, _)| feed.items.len()).max();
        let in_osv = self.read.in_archives;
        let sources = self.sources();
        Ok(Refreshed { cves, releases, calendars, sources, withdrawn, stale_corrections, in_feed, in_osv })
    }

    /// The sources, with the dates of those that were read.
    fn sources(&self) -> Table<SourceInfo> {
        let feed = self.read.feeds.iter().filter_map(|(feed, read_on)| (*read_on).max(feed.updated)).max();
        let modified = |advisories: &[Advisory]| {
            advisories.iter().filter_map(|advisory| read::osv::date(&advisory.modified)).max()
        };
        let news = [
            (merge::FEED, feed),
            (merge::OSV, modified(&self.read.osv)),
            (merge::GO_VULNDB, modified(&self.read.go)),
            ("k8s-schedule", self.releases_as_of),
            ("endoflife", self.calendars_as_of),
        ];
        let mut table = with_records(self.before.sources().table(), self.before.sources().all().to_vec());
        for source in &mut table.records {
            let date = news.iter().find(|(name, _)| *name == source.name).and_then(|(_, date)| *date);
            if let Some(date) = date.map(|date| date.min(self.today)).filter(|date| *date > source.as_of) {
                source.as_of = date;
                source.state = None;
            }
        }
        table
    }

    /// The newer of two dates, but none that lies in the future.
    fn dated(&self, before: Date, after: Option<Date>) -> Date {
        after.map_or(before, |after| before.max(after.min(self.today)))
    }

    fn calendars(&self) -> Table<Cycle> {
        let mut records = self.before.calendars().table().records.clone();
        for cycle in &self.read.cycles {
            let same = |known: &&mut Cycle| known.product == cycle.product && known.cycle == cycle.cycle;
            match records.iter_mut().find(same) {
                Some(known) => *known = cycle.clone(),
                None => records.push(cycle.clone()),
            }
        }
        // New lines stand with their product, the newest first, as the source has them.
        let place = |cycle: &Cycle| {
            let product = Product::ALL.iter().position(|product| product.as_str() == cycle.product);
            (product, std::cmp::Reverse(version_key(&cycle.cycle)))
        };
        records.sort_by_key(place);
        let mut table = with_records(self.before.calendars().table(), records);
        table.as_of = self.dated(table.as_of, self.calendars_as_of);
        table
    }

    fn releases(&self, calendars: &Table<Cycle>) -> Table<Release> {
        let mut records = self.before.releases().table().records.clone();
        let upstream = Product::Kubernetes.as_str();
        let cycles: Vec<Cycle> = if self.read.products.contains(&Product::Kubernetes) {
            calendars.records.iter().filter(|cycle| cycle.product == upstream).cloned().collect()
        } else {
            Vec::new()
        };
        let inputs = ReleaseInputs {
            schedule: &self.read.schedule,
            ended: &self.read.ended,
            cycles: &cycles,
            unofficial: &[],
            newest: &std::collections::BTreeMap::new(),
        };
        merge::releases(&mut records, &inputs);
        let mut table = with_records(self.before.releases().table(), records);
        table.as_of = self.dated(table.as_of, self.releases_as_of);
        table
    }
}

/// The numbers in a version line, to sort by.
fn version_key(cycle: &str) -> Vec<u32> {
    cycle.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn with_records<T: Clone>(table: &Table<T>, records: Vec<T>) -> Table<T> {
    Table {
        table: table.table.clone(),
        as_of: table.as_of,
        sources: table.sources.clone(),
        known_through: table.known_through.clone(),
        records,
    }
}

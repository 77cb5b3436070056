//! The envelope of a batch: `source`, `cursor`, `origin`, `tenant`, `stale`, around its `changes`.
//!
//! What the caller's options say holds where the batch says nothing. Several batches in one stream are one atomic batch: they
//! must be of one source, and the last cursor and origin stand.

use super::Options;
use super::cursor::{Cursor, Step};
use super::words::{FIELDS, invalid, text_or_null, twice, unknown_key};
use crate::error::Error;
use crate::store::Envelope;

const KEYS: [&str; 6] = ["source", "cursor", "origin", "tenant", "stale", "changes"];
const TENANT: u8 = 1 << 3;
const CHANGES: u8 = 1 << 5;

/// What an entry of the envelope was.
pub(super) enum Entry {
    /// Read and remembered.
    Read,
    /// `changes`: the list begins.
    Changes,
}

/// Reads envelopes.
pub(super) struct EnvelopeReader {
    envelope: Envelope,
    /// Tenant of changes that name none.
    pub tenant: Option<String>,
    /// Tenant outside of batch objects.
    given: Option<String>,
    /// Bits of [`KEYS`] met in the batch at hand.
    met: u8,
    /// A batch of this stream has named its source.
    sourced: bool,
}

impl EnvelopeReader {
    pub fn new(options: &Options) -> Self {
        let Options { source, cursor, origin, tenant, ignore_stale, .. } = options.clone();
        let envelope = Envelope { source, cursor, origin, ignore_stale };
        EnvelopeReader { envelope, given: tenant.clone(), tenant, met: 0, sourced: false }
    }

    /// Whether the object here is a batch rather than a change: its first key that is not `tenant` tells.
    pub fn begins(cur: &Cursor) -> Step<bool> {
        let mut cur = *cur;
        let open = cur;
        cur.expect(b'{', "an object is expected")?;
        let mut more = cur.solid()? != b'}';
        while more {
            cur.solid()?;
            let at = cur;
            let key = cur.key()?;
            match (KEYS.contains(&&*key), FIELDS.contains(&&*key)) {
                (true, true) => cur.skip()?,
                (false, false) => return Err(at.bad(unknown_key(&key, KEYS.into_iter().chain(FIELDS)))),
                (batch, _) => return Ok(batch),
            }
            more = cur.more(b'}')?;
        }
        Err(open.bad(invalid("neither a change nor a batch")))
    }

    /// Source and position as far as they are known.
    pub fn position(&self) -> (Option<&str>, Option<&str>) {
        (self.envelope.source.as_deref(), self.envelope.cursor.as_deref())
    }

    /// Whether the batch at hand has named its source and its position.
    pub fn is_placed(&self) -> bool {
        self.met & 0b11 == 0b11
    }

    /// Who caused it.
    pub fn origin(&self) -> Option<String> {
        self.envelope.origin.clone()
    }

    /// Whether the batch at hand has named a tenant.
    pub fn tenant_met(&self) -> bool {
        self.met & TENANT != 0
    }

    /// Reads one entry, or steps into `changes`.
    pub fn entry(&mut self, cur: &mut Cursor) -> Step<Entry> {
        let at = *cur;
        let key = cur.key()?;
        let Some(index) = KEYS.iter().position(|k| *k == key) else { return Err(at.bad(unknown_key(&key, KEYS))) };
        let bit = 1 << index;
        if self.met & bit != 0 {
            return Err(at.bad(twice(&key)));
        }
        match KEYS[index] {
            "source" => {
                let source = text_or_null(cur, "source")?;
                if self.sourced && source != self.envelope.source {
                    return Err(at.bad(invalid("batches of one stream are of one source").at("source")));
                }
                self.sourced = true;
                self.envelope.source = source;
            }
            "cursor" => self.envelope.cursor = cursor(cur)?,
            "origin" => self.envelope.origin = text_or_null(cur, "origin")?,
            "tenant" => {
                let tenant = text_or_null(cur, "tenant")?;
                self.tenant = tenant.or_else(|| self.given.clone());
            }
            "stale" => self.envelope.ignore_stale = stale(cur)?,
            _ => {
                if cur.solid()? != b'[' {
                    cur.a_value()?;
                    let message = format!("`changes` is an array of changes, not {}", cur.kind());
                    return Err(cur.bad(invalid(message).at("changes")));
                }
                cur.pos += 1;
                self.met |= bit;
                return Ok(Entry::Changes);
            }
        }
        self.met |= bit;
        Ok(Entry::Read)
    }

    /// Checks that the batch at hand is complete.
    pub fn close(&self) -> Result<(), Error> {
        if self.met & CHANGES == 0 { Err(invalid("a batch needs `changes`").named("changes")) } else { Ok(()) }
    }

    /// Leaves the batch at hand.
    pub fn leave(&mut self) {
        self.met = 0;
        self.tenant.clone_from(&self.given);
    }

    /// The envelope of the whole stream.
    pub fn finish(self) -> Envelope {
        self.envelope
    }
}

/// A position: a text, or an integer as it is written.
fn cursor(cur: &mut Cursor) -> Step<Option<String>> {
    match cur.solid()? {
        b'-' | b'0'..=b'9' => {
            let from = *cur;
            cur.skip()?;
            let text = &cur.buf[from.pos..cur.pos];
            let digits = text.strip_prefix(b"-").unwrap_or(text);
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) || digits.len() > 1 && digits[0] == b'0' {
                return Err(from.bad(invalid("`cursor` is a text or an integer").at("cursor")));
            }
            Ok(Some(String::from_utf8_lossy(text).into_owned()))
        }
        _ => text_or_null(cur, "cursor"),
    }
}

fn stale(cur: &mut Cursor) -> Step<bool> {
    let from = *cur;
    match text_or_null(cur, "stale")?.as_deref() {
        Some("ignore") => Ok(true),
        Some("error") | None => Ok(false),
        Some(_) => Err(from.bad(invalid("`stale` is `error` or `ignore`").at("stale"))),
    }
}

//! The reader's door: pieces in, one batch out.

use super::cursor::{Cursor, Stop};
use super::row::RowReader;
use super::stream::Stream;
use super::tenant::keeps_to;
use crate::error::{Error, ErrorCode, Result};
use crate::query::{Schema, TableId};
use crate::store::{Batch, Envelope, Op};

/// Largest item (row, change without `rows`, key of the envelope) unless told otherwise: 64 MiB.
pub const DEFAULT_LIMIT: usize = 64 << 20;

/// Bytes of a piece that are put behind what is held, at least.
const LEAST: usize = 1 << 12;

/// What the caller knows of a stream. All of it holds where the stream itself says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The stream consists of rows of this table.
    pub table: Option<TableId>,
    /// What such rows do: insert, upsert or reset.
    pub op: Op,
    /// Stream that the cursor belongs to.
    pub source: Option<String>,
    /// Position after this batch.
    pub cursor: Option<String>,
    /// Tenant of changes that name none.
    pub tenant: Option<String>,
    /// Which tenants one batch may be of.
    pub confined: Confined,
    /// Who caused it.
    pub origin: Option<String>,
    /// An older cursor is a replay to be ignored.
    pub ignore_stale: bool,
    /// Largest item in bytes, at most 1 GiB.
    pub limit: usize,
}

/// Which tenants one batch may be of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confined {
    /// Any, as backends send them.
    #[default]
    No,
    /// One, whichever; beside tables without tenants.
    ToOne,
    /// That of the options; tables without tenants are refused.
    ToTenant,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            table: None,
            op: Op::Upsert,
            source: None,
            cursor: None,
            tenant: None,
            confined: Confined::No,
            origin: None,
            ignore_stale: false,
            limit: DEFAULT_LIMIT,
        }
    }
}

/// Reads one batch after the other, all of one schema: what it learns of the tables stays from batch to batch.
///
/// Memory between pieces: the batch so far, and the one item that is not complete. After an error: nothing.
///
/// ```
/// use eddyline::wire::json::{JsonReader, Options};
/// # use eddyline::query::{Schema, Table, Column};
/// # use eddyline::value::{Layout, Type, Cell};
/// # let column = |name: &str, ty| (name.to_owned(), Column { name: name.into(), ty, nullable: false, safe_integer: true });
/// # let table = Table { name: "users".into(), id: 0, columns: [column("id", Type::Int), column("name", Type::Text)].into_iter().collect(),
/// #   key: vec![0], tenant: false, layout: Layout::new(&[Type::Int, Type::Text]), relations: Default::default(), arrivals: Default::default() };
/// # let schema = Schema { tables: [("users".to_owned(), table)].into_iter().collect() };
/// let mut reader = JsonReader::new();
/// reader.begin(&schema, &Options::default())?;
/// reader.push(&schema, br#"{"op":"insert","table":"users","row":{"id":7,"na"#)?;
/// reader.push(&schema, br#"me":"Ada"}}"#)?;
/// let batch = reader.finish(&schema)?;
/// let layout = &schema.tables["users"].layout;
/// assert!(matches!(layout.cell(&batch.changes[0].row, 1), Cell::Text("Ada")));
/// # Ok::<(), eddyline::error::Error>(())
/// ```
#[derive(Default)]
pub struct JsonReader {
    stream: Option<Box<Stream>>,
    /// Between batches: what was learned of the tables.
    rows: Option<Box<RowReader>>,
    limit: usize,
    /// The item that is not complete, from its first byte.
    held: Vec<u8>,
    /// Length of `held` that makes another try worthwhile.
    wait: usize,
    /// Offset of `held` in the stream.
    base: u64,
    /// The only tenant that changes may be of.
    confined: Confined,
    tenant: Option<String>,
}

impl JsonReader {
    /// A reader; keep it for many batches.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a batch; one that was begun before is dropped.
    ///
    /// # Errors
    /// Options that contradict the schema: `UNKNOWN_TABLE`, `CHANGE_INVALID`, `TENANT_REQUIRED`.
    pub fn begin(&mut self, schema: &Schema, options: &Options) -> Result<()> {
        self.abort();
        self.limit = options.limit.min(1 << 30);
        self.confined = options.confined;
        self.tenant = options.tenant.clone().filter(|_| options.confined == Confined::ToTenant);
        self.stream = Some(Box::new(Stream::new(schema, options, self.rows.take().unwrap_or_default(), self.limit)?));
        Ok(())
    }

    /// Drops the batch and all memory of it.
    pub fn abort(&mut self) {
        let rows = match self.stream.take() {
            Some(stream) => Some(stream.finish(false).1),
            None => self.rows.take(),
        };
        self.reset(rows);
    }

    fn reset(&mut self, mut rows: Option<Box<RowReader>>) {
        if let Some(rows) = &mut rows {
            rows.tidy();
        }
        *self = JsonReader { rows, ..Self::default() };
    }

    /// Bytes that wait for the rest of their item.
    pub fn held(&self) -> usize {
        self.held.capacity()
    }

    /// Reads a piece. An item that it does not complete is kept and read again once the bytes kept have doubled.
    ///
    /// # Errors
    /// The first error of the stream, with its path and byte. The batch is gone then.
    pub fn push(&mut self, schema: &Schema, piece: &[u8]) -> Result<()> {
        self.take(schema, piece).inspect_err(|_| self.abort())
    }

    /// Completes what is held with as little of the piece as it takes: the rest is read where it stands.
    fn take(&mut self, schema: &Schema, mut piece: &[u8]) -> Result<()> {
        while !self.held.is_empty() {
            let before = self.held.len();
            let n = piece.len().min((self.wait - before.min(self.wait)).max(LEAST));
            self.held.extend_from_slice(&piece[..n]);
            if self.held.len() < self.wait {
                return Ok(());
            }
            let held = std::mem::take(&mut self.held);
            let used = self.run(schema, &held)?;
            if used >= before {
                piece = &piece[used - before..];
                break;
            }
            self.hold(held, used);
            piece = &piece[n..];
            if piece.is_empty() {
                return Ok(());
            }
        }
        self.read(schema, piece)
    }

    /// What was read so far, to be applied before the rest: a batch without source and cursor, which the last one carries.
    /// None while there is nothing, or nothing that is settled: tenants that are named behind their changes, resets, and
    /// batches of which `is_new`, asked with source and cursor, does not know that they were not applied before.
    ///
    /// # Errors
    /// `TENANT_MISMATCH` of a confined batch; it is gone then.
    pub fn part(&mut self, schema: &Schema, is_new: impl Fn(&str, &str) -> bool) -> Result<Option<Batch>> {
        let Some(stream) = &mut self.stream else { return Err(not_begun()) };
        let new = match stream.position() {
            None => false,
            Some((Some(source), Some(cursor))) => is_new(source, cursor),
            Some(_) => true,
        };
        // Whose rows they are is told by the first: all of them are to be of one tenant.
        let new = new && (self.confined == Confined::No || self.tenant.is_some());
        let Some(changes) = new.then(|| stream.part(schema)).flatten() else { return Ok(None) };
        let envelope = Envelope { origin: stream.envelope.origin(), ..Envelope::default() };
        let batch = Batch { envelope, changes };
        if self.confined != Confined::No
            && let Err(error) = keeps_to(schema, &batch, self.tenant.as_deref())
        {
            self.abort();
            return Err(error);
        }
        Ok(Some(batch))
    }

    /// The batch, complete.
    ///
    /// # Errors
    /// As [`push`](Self::push), `JSON_MALFORMED` if the input ends in the middle or was empty, and of a confined batch
    /// `TENANT_MISMATCH` if it leaves its tenant.
    pub fn finish(&mut self, schema: &Schema) -> Result<Batch> {
        if !self.held.is_empty()
            && let Err(error) = self.retry(schema)
        {
            self.abort();
            return Err(error);
        }
        let Some(stream) = self.stream.take() else { return Err(not_begun()) };
        let (batch, rows) = stream.finish(self.held.is_empty());
        let end = self.base + self.held.len() as u64;
        let (tenant, confined) = (self.tenant.take(), self.confined);
        self.reset(Some(rows));
        let batch = batch.map_err(|e| located(e, end))?;
        if confined != Confined::No {
            keeps_to(schema, &batch, tenant.as_deref())?;
        }
        Ok(batch)
    }

    /// Reads a whole input.
    ///
    /// # Errors
    /// As [`begin`](Self::begin), [`push`](Self::push) and [`finish`](Self::finish).
    pub fn read_all(&mut self, schema: &Schema, options: &Options, input: &[u8]) -> Result<Batch> {
        self.begin(schema, options)?;
        self.push(schema, input)?;
        self.finish(schema)
    }

    /// Reads the bytes held.
    fn retry(&mut self, schema: &Schema) -> Result<()> {
        let held = std::mem::take(&mut self.held);
        let used = self.run(schema, &held)?;
        self.hold(held, used);
        Ok(())
    }

    /// Holds on to bytes behind those that were used.
    fn hold(&mut self, mut held: Vec<u8>, used: usize) {
        held.drain(..used);
        // One long item must not keep its memory for the rest of the stream.
        held.shrink_to(held.len() * 2 + (1 << 20));
        self.keep(held);
    }

    /// Reads a piece that nothing waits for; keeps what it does not complete.
    fn read(&mut self, schema: &Schema, piece: &[u8]) -> Result<()> {
        let used = self.run(schema, piece)?;
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(&piece[used..]);
        self.keep(held);
        Ok(())
    }

    fn keep(&mut self, held: Vec<u8>) {
        self.wait = (held.len() * 2).min(self.limit + 1);
        self.held = held;
    }

    fn run(&mut self, schema: &Schema, bytes: &[u8]) -> Result<usize> {
        let Some(stream) = &mut self.stream else { return Err(not_begun()) };
        let mut cur = Cursor { buf: bytes, pos: 0, base: self.base };
        match stream.run(schema, &mut cur) {
            Stop::More => {
                self.base += cur.pos as u64;
                Ok(cur.pos)
            }
            Stop::Bad(bad) => Err(located(bad.error, bad.at)),
        }
    }
}

/// The byte belongs to the message: the path says where in the data, the byte where in the stream.
fn located(mut error: Error, at: u64) -> Error {
    error.message = format!("{} at byte {at}", error.message);
    error
}

fn not_begun() -> Error {
    Error::new(ErrorCode::ChangeInvalid, "no JSON batch is begun")
}

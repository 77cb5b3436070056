//! Where a stream of changes stands: which list or object is open, and what came before.
//!
//! The outer structure is walked step by step, so that a batch of any size needs memory for one item only. An item (a row of
//! a list, a change, a key of the envelope) is read whole or not at all.

use super::Options;
use super::change::{Changes, Head, Outcome};
use super::cursor::{Cursor, Step, Stop};
use super::envelope::{Entry, EnvelopeReader};
use super::row::RowReader;
use super::tenant::Waiting;
use super::words::{invalid, no_tenants, op_name, tenant_required};
use crate::error::{Error, ErrorCode};
use crate::query::{Schema, TableId};
use crate::store::{Batch, Change, Op};

/// What is open at a place between two items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing read yet.
    Start,
    /// Between the values of the stream.
    Top,
    /// In an array of the stream.
    List,
    /// In a batch object.
    Envelope,
    /// In its `changes`.
    Changes,
    /// In the `rows` of a change.
    Rows,
    /// Behind them.
    BehindRows,
}

/// What may come next in an open list or object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    ItemOrEnd,
    Item,
    CommaOrEnd,
}

/// A batch being read.
pub(super) struct Stream {
    pub(super) place: Place,
    /// What a change with `rows` lies in.
    around: Place,
    expect: Expect,
    pub(super) rows: Box<RowReader>,
    pub(super) batch: Batch,
    pub(super) envelope: EnvelopeReader,
    /// Table and operation of a stream of rows.
    of_rows: Option<(TableId, Op)>,
    head: Head,
    /// First change of the change at hand.
    pub(super) first: usize,
    /// Changes (or, in a stream of rows, rows) read so far.
    pub(super) index: usize,
    /// Rows read of the change at hand.
    row_index: usize,
    /// Changes whose tenant may still be named behind them.
    pub(super) waiting: Vec<Waiting>,
    /// A line ended behind the last value of the stream.
    new_line: bool,
    limit: usize,
    /// It has a batch object, whose keys may come in any order.
    enveloped: bool,
}

impl Stream {
    pub fn new(schema: &Schema, options: &Options, rows: Box<RowReader>, limit: usize) -> Result<Self, Error> {
        let mut stream = Stream {
            place: Place::Start,
            around: Place::Top,
            expect: Expect::ItemOrEnd,
            rows,
            batch: Batch::default(),
            envelope: EnvelopeReader::new(options),
            of_rows: None,
            head: Head::default(),
            first: 0,
            index: 0,
            row_index: 0,
            waiting: Vec::new(),
            new_line: true,
            limit,
            enveloped: false,
        };
        stream.rows.set_limit(limit);
        if let Some(id) = options.table {
            let Some((_, table)) = schema.tables.get_index(id as usize) else {
                return Err(Error::new(ErrorCode::UnknownTable, format!("no table number {id}")).at("table"));
            };
            if !matches!(options.op, Op::Insert | Op::Upsert | Op::Reset) {
                let message = format!("rows of a table can be insert, upsert or reset, not `{}`", op_name(options.op));
                return Err(invalid(message).at("op"));
            }
            if table.tenant && options.tenant.is_none() {
                return Err(tenant_required(table).at("tenant"));
            }
            if !table.tenant && options.tenant.is_some() {
                return Err(no_tenants(table).at("tenant"));
            }
            stream.of_rows = Some((id, if options.op == Op::Reset { Op::Upsert } else { options.op }));
            if options.op == Op::Reset {
                let head = stream.head.clone();
                stream.changes(schema).reset(&head, table);
            }
        }
        Ok(stream)
    }

    /// Reads all complete items; always ends with a reason to stop. The cursor is then at the first item that is not complete.
    pub fn run(&mut self, schema: &Schema, cur: &mut Cursor) -> Stop {
        loop {
            if let Err(stop) = self.step(schema, cur) {
                return stop;
            }
        }
    }

    /// The batch, when the input ends here, and the reader of rows for the next one.
    pub fn finish(self, at_end: bool) -> (Result<Batch, Error>, Box<RowReader>) {
        let path = self.path();

        let malformed = |what: &str| Err(Error::new(ErrorCode::JsonMalformed, what).at(&path));
        let batch = match self.place {
            Place::Start if at_end => malformed("the input is empty; no changes are `[]`"),
            Place::Top if at_end => Ok(Batch { envelope: self.envelope.finish(), ..self.batch }),
            _ => malformed("the input ends before its end"),
        };
        (batch, self.rows)
    }

    /// The changes read so far, when what follows cannot alter them: no tenant is still to be named for them, and no reset is
    /// among them, which has to know all of its rows.
    pub fn part(&mut self, schema: &Schema) -> Option<Vec<Change>> {
        let settled = match self.place {
            _ if self.of_rows.is_some() => true,
            Place::List | Place::Top => true,
            Place::Changes => self.waiting.is_empty(),
            Place::Rows => self.head.table.is_some_and(|t| !schema.by_id(t).tenant || self.head.tenant.is_some()),
            Place::Start | Place::Envelope | Place::BehindRows => false,
        };
        let changes = &mut self.batch.changes;
        if !settled || changes.is_empty() || changes.iter().any(|c| c.op == Op::Reset) {
            return None;
        }
        self.first = 0;
        let room = changes.len();
        Some(std::mem::replace(changes, Vec::with_capacity(room)))
    }

    /// Source and position of these changes; none while what follows can still say them.
    pub fn position(&self) -> Option<(Option<&str>, Option<&str>)> {
        (!self.enveloped || self.envelope.is_placed()).then(|| self.envelope.position())
    }

    fn changes<'a>(&'a mut self, schema: &'a Schema) -> Changes<'a> {
        Changes { schema, rows: &mut self.rows, out: &mut self.batch.changes, tenant: self.envelope.tenant.as_deref() }
    }

    fn step(&mut self, schema: &Schema, cur: &mut Cursor) -> Step<()> {
        let close = match self.place {
            Place::Start => return self.begin(cur),
            Place::Top => return self.top(schema, cur),
            Place::BehindRows => return self.item(schema, cur),
            Place::Envelope => b'}',
            Place::List | Place::Changes | Place::Rows => b']',
        };
        loop {
            let b = cur.solid()?;
            match self.expect {
                Expect::ItemOrEnd | Expect::CommaOrEnd if b == close => {
                    cur.pos += 1;
                    return self.close(schema, cur);
                }
                Expect::CommaOrEnd if b == b',' => {
                    cur.pos += 1;
                    self.expect = Expect::Item;
                }
                Expect::CommaOrEnd => {
                    let what = if close == b'}' { "`,` or `}` is expected" } else { "`,` or `]` is expected" };
                    return Err(self.placed(cur.malformed(what)));
                }
                Expect::Item if b == close => return Err(self.placed(cur.malformed("nothing follows the comma"))),
                Expect::ItemOrEnd | Expect::Item => return self.item(schema, cur),
            }
        }
    }

    /// A byte order mark is no part of the text.
    fn begin(&mut self, cur: &mut Cursor) -> Step<()> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        if cur.buf.starts_with(MARK) {
            cur.pos = MARK.len();
        } else if MARK.starts_with(cur.buf) {
            return Err(Stop::More);
        }
        cur.solid()?;
        self.place = Place::Top;
        Ok(())
    }

    /// Values of the stream are lines of their own.
    fn top(&mut self, schema: &Schema, cur: &mut Cursor) -> Step<()> {
        while let Some(b @ (b' ' | b'\t' | b'\r' | b'\n')) = cur.buf.get(cur.pos) {
            self.new_line |= *b == b'\n';
            cur.pos += 1;
        }
        let b = cur.peek()?;
        if !self.new_line {
            return Err(cur.malformed("the input goes on behind its end; further values begin on a new line"));
        }
        match b {
            b'[' => {
                cur.pos += 1;
                self.open(Place::List);
                Ok(())
            }
            b'{' => self.item(schema, cur),
            _ => Err(cur.malformed("an object or an array is expected")),
        }
    }

    fn open(&mut self, place: Place) {
        self.place = place;
        self.expect = Expect::ItemOrEnd;
    }

    /// Behind the bracket that closes what is open.
    fn close(&mut self, schema: &Schema, cur: &Cursor) -> Step<()> {
        self.expect = Expect::CommaOrEnd;
        self.place = match self.place {
            Place::Rows => Place::BehindRows,
            Place::Changes => Place::Envelope,
            Place::Envelope => {
                let here = Cursor { pos: cur.pos - 1, ..*cur };
                self.envelope.close().map_err(|e| here.bad(e))?;
                self.settle(schema, &here)?;
                self.envelope.leave();
                Place::Top
            }
            _ => Place::Top,
        };
        self.new_line = false;
        Ok(())
    }

    /// Reads one item, or nothing.
    fn item(&mut self, schema: &Schema, cur: &mut Cursor) -> Step<()> {
        let (from, count) = (cur.pos, self.batch.changes.len());
        let step = match self.place {
            Place::Envelope => self.entry(cur),
            Place::Top if self.of_rows.is_none() && EnvelopeReader::begins(cur)? => {
                cur.pos += 1;
                self.enveloped = true;
                self.open(Place::Envelope);
                return Ok(());
            }
            Place::Rows => self.row(schema, cur),
            _ if self.of_rows.is_some() => self.row(schema, cur),
            _ => self.change(schema, cur),
        };
        let size = match &step {
            Err(Stop::More) => cur.buf.len() - from,
            _ => cur.pos - from,
        };
        if size > self.limit && !matches!(step, Err(Stop::Bad(_))) {
            let message = format!("an item of more than {} bytes", self.limit);
            cur.pos = from;
            return Err(self.placed(cur.bad(Error::new(ErrorCode::ValueTooLarge, message))));
        }
        if let Err(Stop::More) = step {
            cur.pos = from;
            self.batch.changes.truncate(count);
        }
        step.map_err(|stop| self.placed(stop))
    }

    fn row(&mut self, schema: &Schema, cur: &mut Cursor) -> Step<()> {
        if let Some((table, op)) = self.of_rows {
            let head = Head::default();
            self.changes(schema).row(cur, &head, op, schema.by_id(table))?;
            self.index += 1;
            self.new_line = false;
        } else if let (Some(op), Some(table)) = (self.head.op, self.head.table) {
            let op = if op == Op::Reset { Op::Upsert } else { op };
            let head = std::mem::take(&mut self.head);
            let step = self.changes(schema).row(cur, &head, op, schema.by_id(table));
            self.head = head;
            step?;
            self.row_index += 1;
        }
        self.expect = Expect::CommaOrEnd;
        Ok(())
    }

    fn change(&mut self, schema: &Schema, cur: &mut Cursor) -> Step<()> {
        let behind_rows = self.place == Place::BehindRows;
        if !behind_rows {
            self.first = self.batch.changes.len();
        }
        let head = if behind_rows { self.head.clone() } else { Head::default() };
        let known = behind_rows.then(|| head.tenant.is_some());
        match self.changes(schema).read(cur, head, behind_rows)? {
            Outcome::Rows(head) => {
                self.head = head;
                self.around = self.place;
                self.row_index = 0;
                self.open(Place::Rows);
            }
            Outcome::Done(head) => {
                if behind_rows {
                    self.place = self.around;
                }
                self.tenanted(schema, cur, &head, known == Some(false))?;
                self.index += 1;
                self.new_line = false;
                self.expect = Expect::CommaOrEnd;
            }
        }
        Ok(())
    }

    fn entry(&mut self, cur: &mut Cursor) -> Step<()> {
        match self.envelope.entry(cur)? {
            Entry::Read => self.expect = Expect::CommaOrEnd,
            Entry::Changes => self.open(Place::Changes),
        }
        Ok(())
    }

    /// Where the item at hand is.
    fn path(&self) -> String {
        match self.place {
            _ if self.of_rows.is_some() => format!("rows[{}]", self.index),
            Place::Rows => format!("changes[{}].rows[{}]", self.index, self.row_index),
            Place::Start | Place::Envelope => String::new(),
            _ => format!("changes[{}]", self.index),
        }
    }

    #[cold]
    fn placed(&self, stop: Stop) -> Stop {
        match stop {
            Stop::More => Stop::More,
            bad => bad.at(&self.path()),
        }
    }
}

//! One change: an object with `op`, `table` and what the operation takes.
//!
//! Keys may come in any order. With `op` and `table` before the content (as every encoder that has a choice should write it)
//! the content is read where it stands; else it is passed over and read at the end. A change is one item: a change that the
//! bytes at hand do not complete is read again. Only `rows` behind `op` and `table` are items of their own.

use super::cursor::{Cursor, Step};
use super::row::{self, RowReader};
use super::words::{FIELDS, invalid, op, op_name, text_or_null, twice, unknown_key};
use crate::query::{Schema, Table, TableId};
use crate::store::{Change, Op, key_hash};

/// Keys of a change, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub op: Option<Op>,
    pub table: Option<TableId>,
    pub tenant: Option<Box<str>>,
    /// Bits of [`FIELDS`] met so far.
    met: u8,
}

const TENANT: u8 = 1 << 2;
const ROW: u8 = 1 << 3;
const ROWS: u8 = 1 << 4;
const ID: u8 = 1 << 5 | 1 << 6;
const SET: u8 = 1 << 7;

/// What reading a change led to.
pub(super) enum Outcome {
    /// A change without `rows` is complete and in the list; this is its tenant.
    Done(Head),
    /// The list of rows begins: they are read one by one, the rest of the object behind them.
    Rows(Head),
}

/// What reading a change needs.
pub(super) struct Changes<'a> {
    pub schema: &'a Schema,
    pub rows: &'a mut RowReader,
    pub out: &'a mut Vec<Change>,
    /// Tenant of changes that name none, as far as it is known.
    pub tenant: Option<&'a str>,
}

/// How a change began, from its `{` to its content. Servers write one change like the other, so the same bytes are looked for
/// again: one comparison instead of three keys and two names.
#[derive(Default)]
pub(super) struct Lead {
    bytes: Vec<u8>,
    head: Head,
    /// Bit and name of the content.
    field: (u8, &'static str),
    /// Table of the change before.
    last: TableId,
}

/// Longest beginning that is remembered.
const LONGEST_LEAD: usize = 256;

/// Places of content that came too early, or has been read.
#[derive(Default)]
struct Content {
    row: Option<usize>,
    rows: Option<usize>,
    id: Option<usize>,
    set: Option<usize>,
    /// Bits of what has been read.
    read: u8,
    /// `id` or `key`, as the change has it.
    id_name: &'static str,
    present: Box<[u8]>,
}

impl Changes<'_> {
    /// Reads a change from its `{`, or the rest of one from behind its rows.
    pub fn read(&mut self, cur: &mut Cursor, mut head: Head, behind_rows: bool) -> Step<Outcome> {
        let from = *cur;
        let mut content = Content::default();
        let mut known = None;
        let mut more = true;
        if behind_rows {
            more = cur.more(b'}')?;
        } else if !self.rows.lead.bytes.is_empty() && cur.buf[cur.pos..].starts_with(&self.rows.lead.bytes) {
            cur.pos += self.rows.lead.bytes.len();
            head.clone_from(&self.rows.lead.head);
            known = Some(self.rows.lead.field);
        } else {
            cur.expect(b'{', "a change is an object")?;
            more = cur.solid()? != b'}';
            cur.pos += usize::from(!more);
        }
        while more {
            let field = match known.take() {
                Some(field) => Some(field),
                None => self.field(cur, &mut head, behind_rows)?.inspect(|field| self.remember(&from, cur, &head, *field)),
            };
            if let Some((bit, name)) = field {
                if bit == ID {
                    content.id_name = name;
                }
                if self.content(cur, &head, bit, &mut content)? {
                    return Ok(Outcome::Rows(head));
                }
            }
            more = cur.more(b'}')?;
        }
        if !behind_rows {
            self.complete(cur, &from, &head, content)?;
        }
        Ok(Outcome::Done(head))
    }

    /// Reads a key and, unless it is one for content, its value. Bit and name of the content that follows.
    fn field(&mut self, cur: &mut Cursor, head: &mut Head, behind_rows: bool) -> Step<Option<(u8, &'static str)>> {
        cur.solid()?;
        let at = *cur;
        let key = cur.key()?;
        let Some(field) = FIELDS.iter().position(|f| *f == key) else {
            return Err(at.bad(unknown_key(&key, FIELDS)));
        };
        let bit = if 1 << field & ID != 0 { ID } else { 1 << field };
        if head.met & bit != 0 {
            return Err(at.bad(twice(&key)));
        }
        head.met |= bit;
        if behind_rows && bit & (ROW | ID | SET) != 0 {
            return Err(at.bad(invalid(format!("`{key}` does not go with `rows`")).named(&*key)));
        }
        match bit {
            1 => head.op = Some(op(cur)?),
            2 => head.table = Some(self.table(cur)?),
            TENANT => head.tenant = text_or_null(cur, "tenant")?.map(String::into_boxed_str),
            _ => return Ok(Some((bit, FIELDS[field]))),
        }
        Ok(None)
    }

    /// Remembers how a change began, if it began with nothing but `op` and `table`.
    fn remember(&mut self, from: &Cursor, cur: &Cursor, head: &Head, field: (u8, &'static str)) {
        let bytes = &cur.buf[from.pos..cur.pos];
        if head.met == 0b11 | field.0 && bytes.len() <= LONGEST_LEAD {
            self.rows.lead.bytes.clear();
            self.rows.lead.bytes.extend_from_slice(bytes);
            self.rows.lead.head.clone_from(head);
            self.rows.lead.field = field;
        }
    }

    /// Reads or passes over `row`, `rows`, `id` or `set`. True: a list of rows begins.
    fn content(&mut self, cur: &mut Cursor, head: &Head, bit: u8, content: &mut Content) -> Step<bool> {
        let place = cur.pos;
        if let (Some(op), Some(table)) = (head.op, head.table) {
            let table = self.schema.by_id(table);
            match (bit, op) {
                (ROW, Op::Insert | Op::Upsert) if head.met & ROWS == 0 => {
                    self.rows.whole(cur, table).map_err(|s| s.at("row"))?;
                    content.read |= ROW;
                    content.row = Some(place);
                    return Ok(false);
                }
                (ROWS, Op::Insert | Op::Upsert | Op::Reset) if head.met & (ROW | ID | SET) == 0 => {
                    self.open_rows(cur, head, op, table)?;
                    return Ok(true);
                }
                (ID, Op::Update | Op::Delete | Op::Touch) if head.met & (ROW | ROWS) == 0 => {
                    self.rows.key(cur, table).map_err(|s| s.at(content.id_name))?;
                    content.read |= ID;
                    content.id = Some(place);
                    return Ok(false);
                }
                (SET, Op::Update) if content.read & ID != 0 => {
                    content.present = self.rows.set(cur, table).map_err(|s| s.at("set"))?;
                    content.read |= SET;
                    content.set = Some(place);
                    return Ok(false);
                }
                _ => {}
            }
        }
        let slot = match bit {
            ROW => &mut content.row,
            ROWS => &mut content.rows,
            ID => &mut content.id,
            _ => &mut content.set,
        };
        *slot = Some(place);
        cur.skip()?;
        Ok(false)
    }

    /// Steps into a list of rows; a reset comes before its rows.
    fn open_rows(&mut self, cur: &mut Cursor, head: &Head, op: Op, table: &Table) -> Step<()> {
        if cur.solid()? != b'[' {
            cur.a_value()?;
            return Err(cur.bad(invalid(format!("`rows` is an array of rows, not {}", cur.kind()))).at("rows"));
        }
        if op == Op::Reset {
            self.reset(head, table);
        }
        cur.pos += 1;
        Ok(())
    }

    /// Reads one row of `rows`.
    #[inline(always)]
    pub fn row(&mut self, cur: &mut Cursor, head: &Head, op: Op, table: &Table) -> Step<()> {
        self.rows.whole(cur, table)?;
        self.emit(head, op, table, Box::default());
        Ok(())
    }

    /// Puts a reset into the list: of everything, or of a tenant.
    pub fn reset(&mut self, head: &Head, table: &Table) {
        self.rows.empty(table);
        self.emit(head, Op::Reset, table, Box::default());
        if !table.tenant
            && let Some(change) = self.out.last_mut()
        {
            change.row = Box::default();
        }
    }

    /// Puts the row at hand into the list, with the tenant known so far.
    #[inline]
    fn emit(&mut self, head: &Head, op: Op, table: &Table, present: Box<[u8]>) {
        let row = self.rows.finish(table, head.tenant.as_deref().or(self.tenant));
        // A tenant that is named behind its rows completes the key later.
        let hash = if table.tenant || op == Op::Reset { 0 } else { key_hash(table, &row) };
        self.out.push(Change { op, table: table.id, row, present, hash });
    }

    /// Checks a change whose object is closed, reads what came too early and puts it into the list.
    fn complete(&mut self, cur: &Cursor, from: &Cursor, head: &Head, mut content: Content) -> Step<()> {
        let Some(op) = head.op else { return Err(from.bad(invalid("a change needs an `op`"))) };
        let Some(table) = head.table else { return Err(from.bad(invalid("a change needs a `table`"))) };
        let table = self.schema.by_id(table);
        let (needs, may) = match op {
            Op::Insert | Op::Upsert => (if head.met & ROWS == 0 { ROW } else { ROWS }, 0),
            Op::Update => (ID | SET, 0),
            Op::Delete | Op::Touch => (ID, 0),
            Op::Reset => (0, ROWS),
        };
        for (bit, name) in [(ROW, "row"), (ROWS, "rows"), (ID, "id"), (SET, "set")] {
            if needs & bit != 0 && head.met & bit == 0 {
                return Err(from.bad(invalid(format!("`{}` needs `{name}`", op_name(op))).named(name)));
            }
            if (needs | may) & bit == 0 && head.met & bit != 0 {
                return Err(from.bad(invalid(format!("`{}` does not take `{name}`", op_name(op))).named(name)));
            }
        }
        let go = |place: Option<usize>| Cursor { pos: place.unwrap_or(from.pos), ..*cur };
        if op == Op::Reset {
            self.reset(head, table);
        }
        if let Some(place) = content.rows {
            return self.all_rows(&mut go(Some(place)), head, if op == Op::Reset { Op::Upsert } else { op }, table);
        }
        let left = needs & !content.read;
        if left & ROW != 0 {
            self.rows.whole(&mut go(content.row), table).map_err(|s| s.at("row"))?;
        }
        if left & ID != 0 {
            self.rows.key(&mut go(content.id), table).map_err(|s| s.at(content.id_name))?;
        }
        if left & SET != 0 {
            content.present = self.rows.set(&mut go(content.set), table).map_err(|s| s.at("set"))?;
        }
        if op != Op::Reset {
            self.emit(head, op, table, content.present);
        }
        if op == Op::Update
            && let Some(change) = self.out.last()
        {
            self.rows.same_key(&go(content.set), table, &change.row).map_err(|s| s.at("set"))?;
        }
        Ok(())
    }

    /// Reads a list of rows that stood before `op` or `table`.
    fn all_rows(&mut self, cur: &mut Cursor, head: &Head, op: Op, table: &Table) -> Step<()> {
        if cur.solid()? != b'[' {
            return Err(cur.bad(invalid(format!("`rows` is an array of rows, not {}", cur.kind()))).at("rows"));
        }
        cur.pos += 1;
        let mut more = cur.solid()? != b']';
        let mut index = 0;
        while more {
            let step = self.row(cur, head, op, table).and_then(|()| cur.more(b']'));
            more = step.map_err(|s| s.at_index("rows", index))?;
            index += 1;
        }
        Ok(())
    }

    fn table(&mut self, cur: &mut Cursor) -> Step<TableId> {
        let from = *cur;
        if cur.solid()? != b'"' {
            cur.a_value()?;
            return Err(cur.bad(invalid(format!("`table` is a string, not {}", cur.kind()))).at("table"));
        }
        let name = cur.string()?;
        self.rows.lead.last = row::table(self.schema, &name, self.rows.lead.last).map_err(|e| from.bad(e).at("table"))?.id;
        Ok(self.rows.lead.last)
    }
}

//! Rows, keys and sets of columns: objects of JSON text into packed rows.

use super::cell::{self, Scratch};
use super::change::Lead;
use super::cursor::{Cursor, Step, Stop};
use super::plan::Plan;
use crate::error::{Error, ErrorCode};
use crate::query::{Schema, Table, TableId};
use crate::value::{Cell, RowBuilder};

/// Reads objects into one row at a time.
#[derive(Default)]
pub(super) struct RowReader {
    plans: Plans,
    cells: Cells,
    /// Key columns that the update at hand names in `set` once more.
    repeated: Vec<usize>,
    /// How the change before began.
    pub lead: Lead,
}

/// Bytes of buffers that stay between batches.
const KEPT: usize = 1 << 16;

/// Plans of the tables met so far.
#[derive(Default)]
struct Plans(Vec<Option<Box<Plan>>>);

impl Plans {
    #[inline]
    fn of(&mut self, table: &Table) -> &mut Plan {
        let id = table.id as usize;
        if self.0.len() <= id {
            self.0.resize_with(id + 1, || None);
        }
        self.0[id].get_or_insert_with(|| Box::new(Plan::new(table)))
    }
}

/// Where cells go.
#[derive(Default)]
pub(super) struct Cells {
    pub row: RowBuilder,
    /// Key columns in `set`, to be compared with the key.
    again: RowBuilder,
    pub scratch: Scratch,
    pub limit: usize,
}

/// Which columns an object may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Row,
    Key,
    Set,
}

impl RowReader {
    /// Sets the largest item.
    pub fn set_limit(&mut self, limit: usize) {
        self.cells.limit = limit;
    }

    /// Gives back all memory but what is known of tables and changes, and the buffers of ordinary rows.
    pub fn tidy(&mut self) {
        let Cells { row, again, scratch, .. } = &self.cells;
        if row.held() + again.held() + scratch.held() > KEPT {
            self.cells = Cells::default();
        }
    }

    /// Reads a whole row.
    #[inline]
    pub fn whole(&mut self, cur: &mut Cursor, table: &Table) -> Step<()> {
        let from = cur.pos;
        let plan = self.plans.of(table);
        self.cells.row.start(&table.layout);
        self.cells.row(cur, table, plan)?;
        match plan.missing() {
            None => Ok(()),
            Some(column) => Err(missing(&Cursor { pos: from, ..*cur }, table, column)),
        }
    }

    /// Begins a row that has no cells but the tenant's.
    pub fn empty(&mut self, table: &Table) {
        self.cells.row.start(&table.layout);
    }

    /// Reads a key as `id` has it: a value, an array in the order of the key, or an object.
    pub fn key(&mut self, cur: &mut Cursor, table: &Table) -> Step<()> {
        self.cells.row.start(&table.layout);
        self.repeated.clear();
        self.cells.key(cur, table, self.plans.of(table))
    }

    /// Reads the columns that an update sets, behind its key. Gives a bit per column.
    pub fn set(&mut self, cur: &mut Cursor, table: &Table) -> Step<Box<[u8]>> {
        let plan = self.plans.of(table);
        self.cells.again.start(&table.layout);
        self.cells.object(cur, table, plan, Part::Set)?;
        self.repeated.extend(shown_key(table).filter(|c| plan.has(*c)));
        let mut present = vec![0; table.columns.len().div_ceil(8)];
        for column in (0..table.shown()).filter(|c| plan.has(*c) && !table.is_key(*c)) {
            present[column / 8] |= 1 << (column % 8);
        }
        Ok(present.into())
    }

    /// The finished row, for a tenant if its table has tenants. Once a row.
    #[inline]
    pub fn finish(&mut self, table: &Table, tenant: Option<&str>) -> Box<[u8]> {
        let Cells { row, .. } = &mut self.cells;
        if let (Some(column), Some(tenant)) = (table.tenant_column(), tenant) {
            row.set(&table.layout, column, Cell::Text(tenant));
        }
        row.finish(&table.layout).into()
    }

    /// Fails if `set` names a key column with another value than the finished row's; `cur` is at the set.
    pub fn same_key(&mut self, cur: &Cursor, table: &Table, row: &[u8]) -> Step<()> {
        if self.repeated.is_empty() {
            return Ok(());
        }
        let again = self.cells.again.finish(&table.layout);
        match self.repeated.iter().find(|c| !table.layout.same(row, again, &[**c])) {
            None => Ok(()),
            Some(column) => Err(key_change(cur, table, *column)),
        }
    }
}

impl Cells {
    fn key(&mut self, cur: &mut Cursor, table: &Table, plan: &mut Plan) -> Step<()> {
        let from = *cur;
        let mut columns = shown_key(table);
        match cur.solid()? {
            b'{' => {
                self.object(cur, table, plan, Part::Key)?;
                match columns.find(|c| !plan.has(*c)) {
                    Some(column) => Err(missing_key(&from, table, column)),
                    None => Ok(()),
                }
            }
            b'[' => {
                cur.pos += 1;
                let mut more = cur.solid()? != b']';
                cur.pos += usize::from(!more);
                for column in columns {
                    if !more {
                        return Err(missing_key(&from, table, column));
                    }
                    cur.solid()?;
                    self.cell(cur, table, plan, column)?;
                    more = cur.more(b']')?;
                }
                if more {
                    return Err(cur.bad(Error::new(
                        ErrorCode::ChangeInvalid,
                        format!("the key of `{}` has {} columns", table.name, shown_key(table).count()),
                    )));
                }
                Ok(())
            }
            _ => {
                let first = columns.next();
                if let Some(second) = columns.next() {
                    cur.a_value()?;
                    return Err(missing_key(&from, table, second));
                }
                first.map_or(Ok(()), |column| self.cell(cur, table, plan, column))
            }
        }
    }

    fn cell(&mut self, cur: &mut Cursor, table: &Table, plan: &Plan, column: usize) -> Step<()> {
        cell::read(cur, table, column, &plan.columns[column], &mut self.row, &mut self.scratch, self.limit)
            .map_err(|s| in_column(s, table, column))
    }

    /// Reads an object whose keys are columns.
    pub fn object(&mut self, cur: &mut Cursor, table: &Table, plan: &mut Plan, part: Part) -> Step<()> {
        plan.clear();
        if cur.solid()? != b'{' {
            cur.a_value()?;
            let what = format!("an object of columns of `{}` is expected, not {}", table.name, cur.kind());
            return Err(cur.bad(Error::new(ErrorCode::ChangeInvalid, what)));
        }
        cur.pos += 1;
        if cur.solid()? == b'}' {
            cur.pos += 1;
            return Ok(());
        }
        let mut before = plan.none();
        // A copy, so that the position can live in a register.
        let mut at = *cur;
        loop {
            at.solid()?;
            let column = match plan.guess(before, &at.buf[at.pos..]) {
                Some((column, length)) => {
                    at.pos += length;
                    at.solid()?;
                    column
                }
                None => {
                    let (column, behind) = column(at, table)?;
                    plan.learn(before, column);
                    at.pos = behind;
                    column
                }
            };
            let facts = &plan.columns[column];
            let into = match part {
                Part::Set if facts.is_key => &mut self.again,
                Part::Key if !facts.is_key => return Err(no_key(&at, table, column)),
                _ => &mut self.row,
            };
            cell::read(&mut at, table, column, facts, into, &mut self.scratch, self.limit)
                .map_err(|s| in_column(s, table, column))?;
            plan.see(column);
            before = column;
            if !at.more(b'}')? {
                cur.pos = at.pos;
                return Ok(());
            }
        }
    }
}

/// The column that the key here names, and the offset behind key, colon and blanks.
#[cold]
pub(super) fn column(mut cur: Cursor, table: &Table) -> Step<(usize, usize)> {
    let from = cur;
    let name = cur.key()?;
    let found = table.column(&name).ok_or_else(|| {
        let error = Error::unknown(ErrorCode::UnknownColumn, "column", &name, &table.name, table.names());
        let shown = error.offending.clone().unwrap_or_default();
        from.bad(error).at(&shown)
    });
    Ok((found?, cur.pos))
}

/// Table by the name here, the one of the change before first.
pub(super) fn table<'s>(schema: &'s Schema, name: &str, last: TableId) -> Result<&'s Table, Error> {
    match schema.tables.get_index(last as usize) {
        Some((known, table)) if known == name => Ok(table),
        _ => schema.table(name).ok_or_else(|| {
            Error::unknown(ErrorCode::UnknownTable, "table", name, "schema", schema.tables.keys().map(String::as_str))
        }),
    }
}

/// Key columns that users know of.
fn shown_key(table: &Table) -> impl Iterator<Item = usize> {
    let hidden = table.tenant_column();
    table.key.iter().copied().filter(move |c| Some(*c) != hidden)
}

#[cold]
pub(super) fn in_column(stop: Stop, table: &Table, column: usize) -> Stop {
    stop.at(&table.columns[column].name)
}

#[cold]
fn missing(cur: &Cursor, table: &Table, column: usize) -> Stop {
    if table.is_key(column) {
        return missing_key(cur, table, column);
    }
    let name = &*table.columns[column].name;
    let message = format!("the row lacks `{name}` of `{}`, which may not be null", table.name);
    cur.bad(Error::new(ErrorCode::MissingColumn, message).named(name))
}

#[cold]
fn missing_key(cur: &Cursor, table: &Table, column: usize) -> Stop {
    let name = &*table.columns[column].name;
    cur.bad(Error::new(ErrorCode::MissingKey, format!("the key of `{}` lacks `{name}`", table.name)).named(name))
}

#[cold]
fn no_key(cur: &Cursor, table: &Table, column: usize) -> Stop {
    let name = &*table.columns[column].name;
    let message = format!("`{name}` is no key column of `{}`", table.name);
    cur.bad(Error::new(ErrorCode::ChangeInvalid, message).named(name)).at(name)
}

#[cold]
fn key_change(cur: &Cursor, table: &Table, column: usize) -> Stop {
    let name = &*table.columns[column].name;
    let message = format!("an update cannot change the key column `{name}` of `{}`", table.name);
    cur.bad(Error::new(ErrorCode::KeyChange, message).named(name)).at(name)
}

//! Random schemas: two to four tables that refer to each other in every way there is.

use eddyline::query::Column;
use eddyline::query::ast::{ColumnJson, RelationJson, SchemaJson, TableJson};
use eddyline::value::{Element, Type};
use fastrand::Rng;

use super::expression::Scope;
use super::{chance, pick};

const NAMES: [&str; 4] = ["ants", "bees", "cats", "dogs"];
const TYPES: [&str; 17] = [
    "int",
    "text",
    "float",
    "bool",
    "timestamp",
    "bigint",
    "bytes",
    "json",
    "decimal",
    "decimal",
    "date",
    "time",
    "uuid",
    "interval",
    "text[]",
    "int[]",
    "float[]",
];

/// Foreign key columns of a table.
struct Reference {
    owner: usize,
    target: usize,
    columns: Vec<String>,
}

pub fn schema(rng: &mut Rng) -> SchemaJson {
    let count = rng.usize(2..=4);
    let tenants = chance(rng, 12);
    let mut tables: Vec<TableJson> = (0..count).map(|i| table(rng, NAMES[i], tenants)).collect();
    let mut references = Vec::new();
    for i in 0..count {
        let new = refer(rng, &mut tables, &references, i);
        references.extend(new);
    }
    for table in &mut tables {
        data_columns(rng, table);
    }
    for r in &references {
        direct(rng, &mut tables, r);
    }
    for i in 0..count {
        if chance(rng, 60) {
            many_to_many(rng, &mut tables, &references, i);
        }
    }
    for i in 0..count {
        if chance(rng, 30) {
            by_value(rng, &mut tables, i);
        }
    }
    for i in 0..count {
        if chance(rng, 50) {
            through(rng, &mut tables, i);
        }
    }
    SchemaJson { tables }
}

/// Three tables that refer to each other in a ring, one of them to itself at times, and one that joins two of them, whose
/// rows may double: all five kinds of association, each way.
pub fn graph(rng: &mut Rng) -> SchemaJson {
    let mut tables: Vec<TableJson> = (0..4).map(|i| table(rng, NAMES[i], false)).collect();
    let mut references = Vec::new();
    for owner in 0..3 {
        for n in 0..=usize::from(chance(rng, 25)) {
            let target = if n == 0 { (owner + 1) % 3 } else { rng.usize(0..3) };
            references.push(reference(&mut tables, owner, target, n, chance(rng, 80)));
        }
    }
    let first = rng.usize(0..3);
    let second = if chance(rng, 20) { first } else { rng.usize(0..3) };
    let joins = [first, second].into_iter().enumerate();
    let of_join: Vec<Reference> = joins.map(|(n, target)| reference(&mut tables, 3, target, n, chance(rng, 30))).collect();
    if rng.bool() {
        // Bare pairs.
        let key: Vec<String> = of_join.iter().flat_map(|r| r.columns.clone()).collect();
        tables[3].columns.retain(|c| key.contains(&c.name));
        tables[3].columns.iter_mut().for_each(|c| c.nullable = false);
        tables[3].key = key;
    }
    references.extend(of_join);
    tables.iter_mut().for_each(|t| data_columns(rng, t));
    references.iter().for_each(|r| direct(rng, &mut tables, r));
    many_to_many(rng, &mut tables, &references, 3);
    for i in 0..8 {
        through(rng, &mut tables, i % 4);
    }
    SchemaJson { tables }
}

/// Adds columns that refer to a table.
fn reference(tables: &mut [TableJson], owner: usize, target: usize, n: usize, nullable: bool) -> Reference {
    let t = tables[target].clone();
    let typed = |k: &String| t.columns.iter().find(|c| c.name == *k).expect("a key column").ty.clone();
    let columns: Vec<ColumnJson> = t.key.iter().map(|k| column(format!("{}{n}_{k}", t.name), &typed(k), nullable)).collect();
    let names = columns.iter().map(|c| c.name.clone()).collect();
    tables[owner].columns.extend(columns);
    Reference { owner, target, columns: names }
}

fn column(name: impl Into<String>, ty: &str, nullable: bool) -> ColumnJson {
    ColumnJson { name: name.into(), ty: ty.to_owned(), nullable }
}

/// A table with its own key, simple or composite.
fn table(rng: &mut Rng, name: &str, tenants: bool) -> TableJson {
    let mut columns = vec![column(
        "id",
        pick(
            rng,
            &[
                "int",
                "int",
                "text",
                "text",
                "bigint",
                "timestamp",
                "bytes",
                "float",
                "decimal",
                "date",
                "uuid",
                "interval",
                "int[]",
            ],
        ),
        false,
    )];
    if chance(rng, 25) {
        columns.push(column("part", pick(rng, &["int", "text", "bool"]), false));
    }
    let mut key: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
    if chance(rng, 20) {
        key.reverse();
    }
    TableJson { name: name.to_owned(), tenant: tenants && chance(rng, 80), key, columns, relations: vec![] }
}

/// Up to two references to other tables or the table itself; sometimes they are the key, as of a join table.
fn refer(rng: &mut Rng, tables: &mut [TableJson], before: &[Reference], owner: usize) -> Vec<Reference> {
    let mut out = Vec::new();
    for n in 0..rng.usize(0..=2) {
        let target = rng.usize(0..tables.len());
        let nullable = chance(rng, 80);
        let target_key: Vec<ColumnJson> = {
            let t = &tables[target];
            t.key.iter().map(|k| t.columns.iter().find(|c| c.name == *k).expect("a key column").clone()).collect()
        };
        let columns: Vec<ColumnJson> =
            target_key.iter().map(|c| column(format!("{}{n}_{}", tables[target].name, c.name), &c.ty, nullable)).collect();
        out.push(Reference { owner, target, columns: columns.iter().map(|c| c.name.clone()).collect() });
        tables[owner].columns.extend(columns);
    }
    // A table whose references are its key keeps no key of its own; nobody may refer to it by the old one.
    let free = out.len() == 2 && out.iter().all(|r| r.target != owner) && before.iter().all(|r| r.target != owner);
    if free && chance(rng, 40) {
        let key: Vec<String> = out.iter().flat_map(|r| r.columns.clone()).collect();
        let table = &mut tables[owner];
        table.columns.retain(|c| key.contains(&c.name));
        table.columns.iter_mut().for_each(|c| c.nullable = false);
        table.key = key;
    }
    out
}

fn data_columns(rng: &mut Rng, table: &mut TableJson) {
    for name in ["x", "y", "z"].iter().take(rng.usize(1..=3)) {
        let ty = if chance(rng, 60) { pick(rng, &["int", "text"]) } else { pick(rng, &TYPES) };
        let nullable = chance(rng, 60);
        table.columns.push(column(*name, ty, nullable));
    }
}

/// The type of a column as written.
fn type_of(ty: &str) -> Type {
    match ty {
        "int" | "bigint" => Type::Int,
        "float" => Type::Float,
        "bool" => Type::Bool,
        "timestamp" => Type::Timestamp,
        "bytes" => Type::Bytes,
        "json" => Type::Json,
        "decimal" => Type::Decimal,
        "date" => Type::Date,
        "time" => Type::Time,
        "uuid" => Type::Uuid,
        "interval" => Type::Interval,
        "text[]" => Type::Array(Element::Text),
        "int[]" => Type::Array(Element::Int),
        "float[]" => Type::Array(Element::Float),
        _ => Type::Text,
    }
}

/// An association with a condition and an order of its own, sometimes.
fn relation(rng: &mut Rng, name: String, kind: &str, target: &TableJson) -> RelationJson {
    let columns: Vec<Column> = target
        .columns
        .iter()
        .map(|c| Column { name: c.name.clone(), ty: type_of(&c.ty), nullable: c.nullable, safe_integer: c.ty == "int" })
        .collect();
    let scope = Scope::of_columns(&columns);
    let filter = chance(rng, 25).then(|| scope.condition(rng));
    let order_by = if chance(rng, 30) { scope.order(rng, 2).0 } else { vec![] };
    RelationJson { name, kind: kind.into(), table: target.name.clone(), filter, order_by, ..RelationJson::default() }
}

/// Adds an association, unless its name is taken or it would lead out of no tenant into one.
fn add(tables: &mut [TableJson], owner: usize, relation: RelationJson) {
    let tenant = |name: &str| tables.iter().any(|t| t.name == name && t.tenant);
    let way: Vec<bool> = std::iter::once(tables[owner].tenant)
        .chain(relation.join.iter().map(|j| tenant(j)))
        .chain((relation.kind != "through").then(|| tenant(&relation.table)))
        .collect();
    let leads_in = way.windows(2).any(|step| !step[0] && step[1]);
    if !leads_in && tables[owner].relations.iter().all(|r| r.name != relation.name) {
        tables[owner].relations.push(relation);
    }
}

/// Both ends of a foreign key.
fn direct(rng: &mut Rng, tables: &mut [TableJson], r: &Reference) {
    let column = &r.columns[0];
    let (owner, target) = (tables[r.owner].clone(), tables[r.target].clone());
    let to = relation(rng, format!("to_{column}"), "belongsTo", &target);
    add(tables, r.owner, RelationJson { columns: r.columns.clone(), ..to });
    let many = relation(rng, format!("{}_by_{column}", owner.name), "hasMany", &owner);
    add(tables, r.target, RelationJson { columns: r.columns.clone(), ..many });
    if chance(rng, 50) {
        let one = relation(rng, format!("one_{}_by_{column}", owner.name), "hasOne", &owner);
        add(tables, r.target, RelationJson { columns: r.columns.clone(), ..one });
    }
}

/// A table that refers twice joins what it refers to.
fn many_to_many(rng: &mut Rng, tables: &mut [TableJson], references: &[Reference], join: usize) {
    let of: Vec<&Reference> = references.iter().filter(|r| r.owner == join).collect();
    let [a, b] = of[..] else { return };
    for (here, there) in [(a, b), (b, a)] {
        let target = tables[there.target].clone();
        let name = format!("{}_over_{}_{}", target.name, NAMES[join], here.columns[0]);
        let many = relation(rng, name, "manyToMany", &target);
        let (columns, join_target) = (here.columns.clone(), Some(there.columns.clone()));
        let join = Some(NAMES[join].into());
        let duplicates = chance(rng, 40).then(|| pick(rng, &["keep", "keep", "once"]).to_owned());
        add(tables, here.target, RelationJson { columns, join_target, join, duplicates, ..many });
    }
}

/// Rows that have an equal value in columns that are nobody's key.
fn by_value(rng: &mut Rng, tables: &mut [TableJson], here: usize) {
    let target = tables[rng.usize(0..tables.len())].clone();
    let equal = |c: &ColumnJson, d: &ColumnJson| type_of(&c.ty) == type_of(&d.ty) && type_of(&c.ty) != Type::Json;
    let pairs: Vec<(String, String)> = tables[here]
        .columns
        .iter()
        .flat_map(|c| target.columns.iter().filter(|d| equal(c, d)).map(|d| (c.name.clone(), d.name.clone())))
        .collect();
    if pairs.is_empty() {
        return;
    }
    let (mine, theirs) = pick(rng, &pairs);
    let kind = pick(rng, &["belongsTo", "hasOne", "hasMany"]);
    let r = relation(rng, format!("same_{mine}_{theirs}_{}", target.name), kind, &target);
    let (columns, references) = if kind == "belongsTo" { (mine, theirs) } else { (theirs, mine) };
    add(tables, here, RelationJson { columns: vec![columns], references: Some(vec![references]), ..r });
}

/// Two or three associations in a row; rarely one of them is such a row itself.
fn through(rng: &mut Rng, tables: &mut [TableJson], here: usize) {
    let (mut at, mut path) = (here, Vec::new());
    for _ in 0..rng.usize(2..=3) {
        let all = chance(rng, 15);
        let steps: Vec<&RelationJson> = tables[at].relations.iter().filter(|r| all || r.kind != "through").collect();
        if steps.is_empty() {
            break;
        }
        let step = pick(rng, &steps);
        path.push(step.name.clone());
        at = end(tables, at, step);
    }
    if path.len() < 2 {
        return;
    }
    let name = format!("through_{}", tables[here].relations.len());
    let r = relation(rng, name, "through", &tables[at].clone());
    add(tables, here, RelationJson { table: String::new(), path: Some(path), ..r });
}

/// The table that an association leads to.
fn end(tables: &[TableJson], from: usize, relation: &RelationJson) -> usize {
    let named = |r: &RelationJson| tables.iter().position(|t| t.name == r.table).expect("a table");
    let Some(path) = &relation.path else { return named(relation) };
    let step = |at: usize, name: &String| {
        let next = tables[at].relations.iter().find(|r| r.name == *name).expect("an association");
        end(tables, at, next)
    };
    path.iter().fold(from, step)
}

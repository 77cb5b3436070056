//! Writes the data of TPC-H: `eddyline-tpch <scale> <streams> <folder>`.
//!
//! In the folder are `<table>.tbl` (fields between `|`, one row a line, as PostgreSQL's `copy` reads them), `queries/<n>.sql` (the
//! templates of the specification, parameters as `:1`), and for each refresh stream the next 0.1 % of orders behind those of the
//! tables, `orders.<stream>.tbl` and `lineitem.<stream>.tbl`.

use std::fmt::{Display, Write as _};
use std::fs::{File, create_dir_all, write};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::exit;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator, RegionGenerator,
    SupplierGenerator,
};
use tpchgen::q_and_a::queries::query;

/// Parts of the orders: a stream is as large as one, 0.1 % as the specification says, and begins where the tables end.
const PARTS: i32 = 1000;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (Some(Ok(scale)), Some(Ok(streams)), Some(folder)) =
        (args.first().map(|a| a.parse()), args.get(1).map(|a| a.parse()), args.get(2).map(PathBuf::from))
    else {
        eprintln!("usage: eddyline-tpch <scale> <streams> <folder>");
        exit(2);
    };
    create_dir_all(folder.join("queries"))?;
    tables(&folder, scale)?;
    for stream in 1..=streams {
        refresh(&folder, scale, stream)?;
    }
    for number in 1..=22 {
        let text = query(number).expect("there are 22 queries");
        write(folder.join(format!("queries/{number}.sql")), text)?;
    }
    Ok(())
}

fn tables(folder: &Path, scale: f64) -> io::Result<()> {
    table(folder, "region", RegionGenerator::new(scale, 1, 1).iter())?;
    table(folder, "nation", NationGenerator::new(scale, 1, 1).iter())?;
    table(folder, "supplier", SupplierGenerator::new(scale, 1, 1).iter())?;
    table(folder, "customer", CustomerGenerator::new(scale, 1, 1).iter())?;
    table(folder, "part", PartGenerator::new(scale, 1, 1).iter())?;
    table(folder, "partsupp", PartSuppGenerator::new(scale, 1, 1).iter())?;
    table(folder, "orders", OrderGenerator::new(scale, 1, 1).iter())?;
    table(folder, "lineitem", LineItemGenerator::new(scale, 1, 1).iter())
}

fn refresh(folder: &Path, scale: f64, stream: i32) -> io::Result<()> {
    let part = PARTS + stream;
    let orders = OrderGenerator::new(scale, part, PARTS);
    table(folder, &format!("orders.{stream}"), orders.iter())?;
    let lines = LineItemGenerator::new(scale, part, PARTS);
    table(folder, &format!("lineitem.{stream}"), lines.iter())
}

/// A row is shown with `|` behind each field, the last one too: that one goes.
fn table(folder: &Path, name: &str, rows: impl Iterator<Item = impl Display>) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(folder.join(format!("{name}.tbl")))?);
    let mut line = String::new();
    for row in rows {
        line.clear();
        write!(line, "{row}").expect("texts grow");
        writeln!(out, "{}", line.strip_suffix('|').unwrap_or(&line))?;
    }
    out.flush()
}

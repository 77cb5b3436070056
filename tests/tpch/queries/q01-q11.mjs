// TPC-H 1 to 11, with the parameters of its validation runs.
import {
  add, agg, and, asc, between, cases, col, date, desc, div, eq, exists, fields, ge, gt, join, le, like, lt, mul, or, revenue, scalar, sub, year,
} from '../write.mjs'

const sum = (e) => agg('sum', e)
const nations = (a, b) => and(eq(col('n1.n_name'), a), eq(col('n2.n_name'), b))

export const q1 = {
  from: 'lineitem', where: le(col('l_shipdate'), date('1998-09-02')),
  groupBy: fields({ l_returnflag: col('l_returnflag'), l_linestatus: col('l_linestatus') }),
  select: fields({
    l_returnflag: col('l_returnflag'), l_linestatus: col('l_linestatus'), sum_qty: sum(col('l_quantity')), sum_base_price: sum(col('l_extendedprice')),
    sum_disc_price: sum(revenue()), sum_charge: sum(mul(revenue(), add(1.0, col('l_tax')))),
    avg_qty: agg('avg', col('l_quantity')), avg_price: agg('avg', col('l_extendedprice')), avg_disc: agg('avg', col('l_discount')), count_order: agg('count'),
  }),
  orderBy: [asc('l_returnflag'), asc('l_linestatus')],
}

const inEurope = [join('nation', eq(col('supplier.s_nationkey'), col('nation.n_nationkey'))), join('region', eq(col('nation.n_regionkey'), col('region.r_regionkey')))]

export const q2 = {
  from: 'part',
  joins: [join('partsupp', eq(col('part.p_partkey'), col('partsupp.ps_partkey'))), join('supplier', eq(col('supplier.s_suppkey'), col('partsupp.ps_suppkey'))), ...inEurope],
  where: and(
    eq(col('part.p_size'), 15), like(col('part.p_type'), '%BRASS'), eq(col('region.r_name'), 'EUROPE'),
    eq(col('partsupp.ps_supplycost'), scalar({
      from: 'partsupp', alias: 'ps', joins: [join('supplier', eq(col('supplier.s_suppkey'), col('ps.ps_suppkey'))), ...inEurope],
      where: and(eq(col('part.p_partkey'), col('ps.ps_partkey')), eq(col('region.r_name'), 'EUROPE')),
      select: fields({ least: agg('min', col('ps.ps_supplycost')) }),
    })),
  ),
  select: fields({
    s_acctbal: col('supplier.s_acctbal'), s_name: col('supplier.s_name'), n_name: col('nation.n_name'), p_partkey: col('part.p_partkey'), p_mfgr: col('part.p_mfgr'),
    s_address: col('supplier.s_address'), s_phone: col('supplier.s_phone'), s_comment: col('supplier.s_comment'),
  }),
  orderBy: [desc('s_acctbal'), asc('n_name'), asc('s_name'), asc('p_partkey')], limit: 100,
}

export const q3 = {
  from: 'customer',
  joins: [join('orders', eq(col('customer.c_custkey'), col('orders.o_custkey'))), join('lineitem', eq(col('lineitem.l_orderkey'), col('orders.o_orderkey')))],
  where: and(eq(col('customer.c_mktsegment'), 'BUILDING'), lt(col('orders.o_orderdate'), date('1995-03-15')), gt(col('lineitem.l_shipdate'), date('1995-03-15'))),
  groupBy: fields({ l_orderkey: col('l_orderkey'), o_orderdate: col('o_orderdate'), o_shippriority: col('o_shippriority') }),
  select: fields({ l_orderkey: col('l_orderkey'), revenue: sum(revenue()), o_orderdate: col('o_orderdate'), o_shippriority: col('o_shippriority') }),
  orderBy: [desc('revenue'), asc('o_orderdate')], limit: 10,
}

export const q4 = {
  from: 'orders',
  where: and(
    ge(col('o_orderdate'), date('1993-07-01')), lt(col('o_orderdate'), date('1993-10-01')),
    exists({ from: 'lineitem', where: and(eq(col('l_orderkey'), col('orders.o_orderkey')), lt(col('l_commitdate'), col('l_receiptdate'))) }),
  ),
  groupBy: fields({ o_orderpriority: col('o_orderpriority') }),
  select: fields({ o_orderpriority: col('o_orderpriority'), order_count: agg('count') }), orderBy: [asc('o_orderpriority')],
}

export const q5 = {
  from: 'customer',
  joins: [
    join('orders', eq(col('customer.c_custkey'), col('orders.o_custkey'))), join('lineitem', eq(col('lineitem.l_orderkey'), col('orders.o_orderkey'))),
    join('supplier', and(eq(col('lineitem.l_suppkey'), col('supplier.s_suppkey')), eq(col('customer.c_nationkey'), col('supplier.s_nationkey')))), ...inEurope,
  ],
  where: and(eq(col('r_name'), 'ASIA'), ge(col('o_orderdate'), date('1994-01-01')), lt(col('o_orderdate'), date('1995-01-01'))),
  groupBy: fields({ n_name: col('n_name') }), select: fields({ n_name: col('n_name'), revenue: sum(revenue()) }), orderBy: [desc('revenue')],
}

export const q6 = {
  from: 'lineitem',
  where: and(
    ge(col('l_shipdate'), date('1994-01-01')), lt(col('l_shipdate'), date('1995-01-01')), ge(col('l_discount'), 0.05), le(col('l_discount'), 0.07), lt(col('l_quantity'), 24),
  ),
  select: fields({ revenue: sum(mul(col('l_extendedprice'), col('l_discount'))) }),
}

const shipping = {
  supp_nation: col('n1.n_name'), cust_nation: col('n2.n_name'), l_year: year(col('lineitem.l_shipdate')),
}
export const q7 = {
  from: 'supplier',
  joins: [
    join('lineitem', eq(col('supplier.s_suppkey'), col('lineitem.l_suppkey'))), join('orders', eq(col('orders.o_orderkey'), col('lineitem.l_orderkey'))),
    join('customer', eq(col('customer.c_custkey'), col('orders.o_custkey'))),
    join('nation', eq(col('supplier.s_nationkey'), col('n1.n_nationkey')), 'n1'), join('nation', eq(col('customer.c_nationkey'), col('n2.n_nationkey')), 'n2'),
  ],
  where: and(or(nations('FRANCE', 'GERMANY'), nations('GERMANY', 'FRANCE')), between(col('lineitem.l_shipdate'), date('1995-01-01'), date('1996-12-31'))),
  groupBy: fields(shipping), select: fields({ ...shipping, revenue: sum(revenue()) }), orderBy: [asc('supp_nation'), asc('cust_nation'), asc('l_year')],
}

const orderYear = { o_year: year(col('orders.o_orderdate')) }
export const q8 = {
  from: 'part',
  joins: [
    join('lineitem', eq(col('part.p_partkey'), col('lineitem.l_partkey'))), join('supplier', eq(col('supplier.s_suppkey'), col('lineitem.l_suppkey'))),
    join('orders', eq(col('lineitem.l_orderkey'), col('orders.o_orderkey'))), join('customer', eq(col('orders.o_custkey'), col('customer.c_custkey'))),
    join('nation', eq(col('customer.c_nationkey'), col('n1.n_nationkey')), 'n1'), join('region', eq(col('n1.n_regionkey'), col('region.r_regionkey'))),
    join('nation', eq(col('supplier.s_nationkey'), col('n2.n_nationkey')), 'n2'),
  ],
  where: and(eq(col('region.r_name'), 'AMERICA'), between(col('orders.o_orderdate'), date('1995-01-01'), date('1996-12-31')), eq(col('part.p_type'), 'ECONOMY ANODIZED STEEL')),
  groupBy: fields(orderYear),
  select: fields({ ...orderYear, mkt_share: div(sum(cases(eq(col('n2.n_name'), 'BRAZIL'), revenue(), 0.0)), sum(revenue())) }), orderBy: [asc('o_year')],
}

const profit = { nation: col('nation.n_name'), ...orderYear }
export const q9 = {
  from: 'part',
  joins: [
    join('lineitem', eq(col('part.p_partkey'), col('lineitem.l_partkey'))), join('supplier', eq(col('supplier.s_suppkey'), col('lineitem.l_suppkey'))),
    join('partsupp', and(eq(col('partsupp.ps_suppkey'), col('lineitem.l_suppkey')), eq(col('partsupp.ps_partkey'), col('lineitem.l_partkey')))),
    join('orders', eq(col('orders.o_orderkey'), col('lineitem.l_orderkey'))), join('nation', eq(col('supplier.s_nationkey'), col('nation.n_nationkey'))),
  ],
  where: like(col('part.p_name'), '%green%'), groupBy: fields(profit),
  select: fields({ ...profit, sum_profit: sum(sub(revenue(), mul(col('partsupp.ps_supplycost'), col('lineitem.l_quantity')))) }),
  orderBy: [asc('nation'), desc('o_year')],
}

const customer = Object.fromEntries(['c_custkey', 'c_name', 'c_acctbal', 'c_phone', 'n_name', 'c_address', 'c_comment'].map((c) => [c, col(c)]))
export const q10 = {
  from: 'customer',
  joins: [
    join('orders', eq(col('customer.c_custkey'), col('orders.o_custkey'))), join('lineitem', eq(col('lineitem.l_orderkey'), col('orders.o_orderkey'))),
    join('nation', eq(col('customer.c_nationkey'), col('nation.n_nationkey'))),
  ],
  where: and(ge(col('o_orderdate'), date('1993-10-01')), lt(col('o_orderdate'), date('1994-01-01')), eq(col('l_returnflag'), 'R')),
  groupBy: fields(customer), select: fields({ ...customer, revenue: sum(revenue()) }), orderBy: [desc('revenue')], limit: 20,
}

const german = {
  from: 'partsupp',
  joins: [join('supplier', eq(col('partsupp.ps_suppkey'), col('supplier.s_suppkey'))), join('nation', eq(col('supplier.s_nationkey'), col('nation.n_nationkey')))],
  where: eq(col('nation.n_name'), 'GERMANY'),
}
const stock = sum(mul(col('partsupp.ps_supplycost'), col('partsupp.ps_availqty')))
export const q11 = {
  ...german, groupBy: fields({ ps_partkey: col('partsupp.ps_partkey') }),
  having: gt(stock, scalar({ ...german, select: fields({ least: mul(stock, 0.0001) }) })),
  select: fields({ ps_partkey: col('partsupp.ps_partkey'), value: stock }), orderBy: [desc('value')],
}

// TPC-H 12 to 22, with the parameters of its validation runs.
import {
  agg, and, asc, between, cases, col, countDistinct, date, decimal, desc, div, eq, exists, fields, ge, gt, inQuery, join, le, leftJoin, like, lt, mul, ne, not, notExists, notInQuery,
  or, revenue, scalar, substring, within,
} from '../write.mjs'

const sum = (e) => agg('sum', e)
const urgent = within(col('orders.o_orderpriority'), '1-URGENT', '2-HIGH')

export const q12 = {
  from: 'orders', joins: [join('lineitem', eq(col('orders.o_orderkey'), col('lineitem.l_orderkey')))],
  where: and(
    within(col('l_shipmode'), 'MAIL', 'SHIP'), lt(col('l_commitdate'), col('l_receiptdate')), lt(col('l_shipdate'), col('l_commitdate')),
    ge(col('l_receiptdate'), date('1994-01-01')), lt(col('l_receiptdate'), date('1995-01-01')),
  ),
  groupBy: fields({ l_shipmode: col('l_shipmode') }),
  select: fields({ l_shipmode: col('l_shipmode'), high_line_count: sum(cases(urgent, 1, 0)), low_line_count: sum(cases(not(urgent), 1, 0)) }),
  orderBy: [asc('l_shipmode')],
}

const ordersOfCustomers = {
  from: 'customer',
  joins: [leftJoin('orders', and(eq(col('customer.c_custkey'), col('orders.o_custkey')), not(like(col('orders.o_comment'), '%special%requests%'))))],
  groupBy: fields({ c_custkey: col('customer.c_custkey') }), select: fields({ c_custkey: col('customer.c_custkey'), c_count: agg('count', col('orders.o_orderkey')) }),
}
export const q13 = {
  from: { query: ordersOfCustomers, alias: 'c_orders' }, groupBy: fields({ c_count: col('c_count') }),
  select: fields({ c_count: col('c_count'), custdist: agg('count') }), orderBy: [desc('custdist'), desc('c_count')],
}

export const q14 = {
  from: 'lineitem', joins: [join('part', eq(col('lineitem.l_partkey'), col('part.p_partkey')))],
  where: and(ge(col('l_shipdate'), date('1995-09-01')), lt(col('l_shipdate'), date('1995-10-01'))),
  select: fields({ promo_revenue: div(mul(decimal('100.00'), sum(cases(like(col('part.p_type'), 'PROMO%'), revenue(), 0.0))), sum(revenue())) }),
}

const revenues = {
  from: 'lineitem', where: and(ge(col('l_shipdate'), date('1996-01-01')), lt(col('l_shipdate'), date('1996-04-01'))),
  groupBy: fields({ supplier_no: col('l_suppkey') }), select: fields({ supplier_no: col('l_suppkey'), total_revenue: sum(revenue()) }),
}
export const q15 = {
  ctes: [{ name: 'revenue', query: revenues }],
  from: 'supplier', joins: [join('revenue', eq(col('supplier.s_suppkey'), col('revenue.supplier_no')))],
  where: eq(col('revenue.total_revenue'), scalar({ from: 'revenue', alias: 'r', select: fields({ most: agg('max', col('r.total_revenue')) }) })),
  select: fields({ ...Object.fromEntries(['s_suppkey', 's_name', 's_address', 's_phone'].map((c) => [c, col(c)])), total_revenue: col('revenue.total_revenue') }),
  orderBy: [asc('s_suppkey')],
}

const kind = { p_brand: col('part.p_brand'), p_type: col('part.p_type'), p_size: col('part.p_size') }
export const q16 = {
  from: 'partsupp', joins: [join('part', eq(col('part.p_partkey'), col('partsupp.ps_partkey')))],
  where: and(
    ne(col('part.p_brand'), 'Brand#45'), not(like(col('part.p_type'), 'MEDIUM POLISHED%')), within(col('part.p_size'), 49, 14, 23, 45, 19, 3, 36, 9),
    notInQuery(col('partsupp.ps_suppkey'), { from: 'supplier', where: like(col('s_comment'), '%Customer%Complaints%'), select: fields({ s_suppkey: col('s_suppkey') }) }),
  ),
  groupBy: fields(kind), select: fields({ ...kind, supplier_cnt: countDistinct(col('partsupp.ps_suppkey')) }),
  orderBy: [desc('supplier_cnt'), asc('p_brand'), asc('p_type'), asc('p_size')],
}

export const q17 = {
  from: 'lineitem', joins: [join('part', eq(col('part.p_partkey'), col('lineitem.l_partkey')))],
  where: and(
    eq(col('part.p_brand'), 'Brand#23'), eq(col('part.p_container'), 'MED BOX'),
    lt(col('lineitem.l_quantity'), scalar({
      from: 'lineitem', alias: 'l', where: eq(col('l.l_partkey'), col('part.p_partkey')), select: fields({ few: mul(0.2, agg('avg', col('l.l_quantity'))) }),
    })),
  ),
  select: fields({ avg_yearly: div(sum(col('lineitem.l_extendedprice')), decimal('7.0')) }),
}

const large = Object.fromEntries(['c_name', 'c_custkey', 'o_orderkey', 'o_orderdate', 'o_totalprice'].map((c) => [c, col(c)]))
export const q18 = {
  from: 'customer',
  joins: [join('orders', eq(col('customer.c_custkey'), col('orders.o_custkey'))), join('lineitem', eq(col('orders.o_orderkey'), col('lineitem.l_orderkey')))],
  where: inQuery(col('orders.o_orderkey'), {
    from: 'lineitem', alias: 'l', groupBy: fields({ l_orderkey: col('l.l_orderkey') }), having: gt(sum(col('l.l_quantity')), 300), select: fields({ l_orderkey: col('l.l_orderkey') }),
  }),
  groupBy: fields(large), select: fields({ ...large, quantity: sum(col('lineitem.l_quantity')) }), orderBy: [desc('o_totalprice'), asc('o_orderdate')], limit: 100,
}

const sold = (brand, containers, least, size) => and(
  eq(col('part.p_brand'), brand), within(col('part.p_container'), ...containers), ge(col('lineitem.l_quantity'), least), le(col('lineitem.l_quantity'), least + 10),
  between(col('part.p_size'), 1, size),
)
export const q19 = {
  from: 'lineitem', joins: [join('part', eq(col('part.p_partkey'), col('lineitem.l_partkey')))],
  where: and(
    within(col('lineitem.l_shipmode'), 'AIR', 'AIR REG'), eq(col('lineitem.l_shipinstruct'), 'DELIVER IN PERSON'),
    or(
      sold('Brand#12', ['SM CASE', 'SM BOX', 'SM PACK', 'SM PKG'], 1, 5), sold('Brand#23', ['MED BAG', 'MED BOX', 'MED PKG', 'MED PACK'], 10, 10),
      sold('Brand#34', ['LG CASE', 'LG BOX', 'LG PACK', 'LG PKG'], 20, 15),
    ),
  ),
  select: fields({ revenue: sum(revenue()) }),
}

export const q20 = {
  from: 'supplier', joins: [join('nation', eq(col('supplier.s_nationkey'), col('nation.n_nationkey')))],
  where: and(
    eq(col('nation.n_name'), 'CANADA'),
    inQuery(col('supplier.s_suppkey'), {
      from: 'partsupp', select: fields({ ps_suppkey: col('ps_suppkey') }),
      where: and(
        inQuery(col('ps_partkey'), { from: 'part', where: like(col('p_name'), 'forest%'), select: fields({ p_partkey: col('p_partkey') }) }),
        gt(col('ps_availqty'), scalar({
          from: 'lineitem', select: fields({ half: mul(0.5, sum(col('l_quantity'))) }),
          where: and(
            eq(col('l_partkey'), col('ps_partkey')), eq(col('l_suppkey'), col('ps_suppkey')), ge(col('l_shipdate'), date('1994-01-01')), lt(col('l_shipdate'), date('1995-01-01')),
          ),
        })),
      ),
    }),
  ),
  select: fields({ s_name: col('supplier.s_name'), s_address: col('supplier.s_address') }), orderBy: [asc('s_name')],
}

const otherLine = (alias, late) => ({
  from: 'lineitem', alias,
  where: and(eq(col(`${alias}.l_orderkey`), col('l1.l_orderkey')), ne(col(`${alias}.l_suppkey`), col('l1.l_suppkey')), ...(late ? [gt(col(`${alias}.l_receiptdate`), col(`${alias}.l_commitdate`))] : [])),
})
export const q21 = {
  from: 'supplier',
  joins: [
    join('lineitem', eq(col('supplier.s_suppkey'), col('l1.l_suppkey')), 'l1'), join('orders', eq(col('orders.o_orderkey'), col('l1.l_orderkey'))),
    join('nation', eq(col('supplier.s_nationkey'), col('nation.n_nationkey'))),
  ],
  where: and(
    eq(col('orders.o_orderstatus'), 'F'), gt(col('l1.l_receiptdate'), col('l1.l_commitdate')), exists(otherLine('l2', false)), notExists(otherLine('l3', true)),
    eq(col('nation.n_name'), 'SAUDI ARABIA'),
  ),
  groupBy: fields({ s_name: col('supplier.s_name') }), select: fields({ s_name: col('supplier.s_name'), numwait: agg('count') }),
  orderBy: [desc('numwait'), asc('s_name')], limit: 100,
}

const country = (of) => substring(col(`${of}.c_phone`), 1, 2)
const countries = (of) => within(country(of), '13', '31', '23', '29', '30', '18', '17')
export const q22 = {
  from: 'customer',
  where: and(
    countries('customer'),
    gt(col('customer.c_acctbal'), scalar({
      from: 'customer', alias: 'c', where: and(gt(col('c.c_acctbal'), 0.0), countries('c')), select: fields({ usual: agg('avg', col('c.c_acctbal')) }),
    })),
    notExists({ from: 'orders', where: eq(col('o_custkey'), col('customer.c_custkey')) }),
  ),
  groupBy: fields({ cntrycode: country('customer') }),
  select: fields({ cntrycode: country('customer'), numcust: agg('count'), totacctbal: sum(col('customer.c_acctbal')) }), orderBy: [asc('cntrycode')],
}
